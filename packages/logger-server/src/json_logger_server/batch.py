"""A batch of records on its way into a log: what a client sent, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from json_logger_proto.names import LANE_BITS
from session_sharing import SessionSharingError

from json_logger_server.records import AnyRecord

Lane = tuple[str, int]
"""A client's public name and one of its lanes; see `json_logger_proto.names.LANE_BITS`."""


@dataclass(slots=True, eq=False)
class PendingBatch:
    """Records of one client that are appended together or not at all.

    The log that takes the batch fills in `first_seq` or `error`, and then settles it.
    """

    records: Sequence[AnyRecord]
    client: str = ""
    """Public name of the client; empty for clients without numbers of their own."""
    first_client_seq: int = 0
    """The client's own number of the first record, from 1."""
    writer: str = ""
    """Who the client says it is."""
    size: int = 0
    """Bytes of the records as the client sent them, about."""
    after: PendingBatch | None = None
    """The batch that must be in the file before this one: when it fails, so does this."""
    first_seq: int = 0
    """Number of the first record in the file."""
    error: SessionSharingError | None = None
    """Why the batch is not in the file and never will be."""
    settled: asyncio.Future[None] = field(init=False)
    """Done when the outcome is final; exists once a log has taken the batch."""

    @property
    def lane(self) -> Lane:
        """The lane that the records belong to."""
        return self.client, self.first_client_seq >> LANE_BITS

    def refusal(self) -> SessionSharingError | None:
        """Return why this batch must not be written: the error of the batch before it."""
        return self.after.error if self.after is not None else None

    def settle(self) -> None:
        """Wake whoever waits for the outcome."""
        self.after = None
        if not self.settled.done():
            self.settled.set_result(None)

    async def outcome(self) -> int:
        """Wait until the batch is as safe in the file as the durability says.

        Returns:
            The number of the first record in the file.

        Raises:
            SessionSharingError: Nothing was written, and why.
        """
        await self.settled
        if self.error is not None:
            raise self.error
        return self.first_seq
