"""A batch of records that waits to be written, and its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from json_logger_proto.names import LANE_BITS
from session_sharing import SessionSharingError

from json_logger_server.records import AnyRecord
from json_logger_server.waveforms import WaveformsOfRecord

Lane = tuple[str, int]
"""The public name of a client, and one of its lanes; see `json_logger_proto.names.LANE_BITS`."""


@dataclass(slots=True, eq=False)
class PendingBatch:
    """Records of one client that are appended together or not at all.

    The log that takes the batch fills in `first_seq` or `error`, and then settles it.
    """

    records: Sequence[AnyRecord]
    client: str = ""
    """Public name of the client; empty for clients that do not number their records."""
    first_client_seq: int = 0
    """Number of the first record in the client's count, from 1."""
    writer: str = ""
    """Name that the client gave for itself."""
    size: int = 0
    """Approximate bytes of the records and samples as the client sent them."""
    after: PendingBatch | None = None
    """The batch that must be in the file before this one. If it fails, this one fails, too."""
    waveforms: Mapping[int, WaveformsOfRecord] = field(default_factory=dict)
    """The waveforms of the records that have some, by the index of the record."""
    first_seq: int = 0
    """Number of the first record in the file."""
    error: SessionSharingError | None = None
    """The reason why the batch was not written and never will be."""
    settled: asyncio.Future[None] = field(init=False)
    """Done when the outcome is final. It exists after a log has taken the batch."""

    @property
    def lane(self) -> Lane:
        """The lane that the records belong to."""
        return self.client, self.first_client_seq >> LANE_BITS

    def refusal(self) -> SessionSharingError | None:
        """Return why the batch must not be written: the batch before failed."""
        return self.after.error if self.after is not None else None

    def settle(self) -> None:
        """Wake the callers that wait for the outcome."""
        self.after = None
        self.waveforms = {}  # their samples need memory or descriptors
        if not self.settled.done():
            self.settled.set_result(None)

    async def outcome(self) -> int:
        """Wait until the batch is in the file, as safe as the durability says.

        Returns:
            The number of the first record in the file.

        Raises:
            SessionSharingError: Nothing was written; the error gives the reason.
        """
        await self.settled
        if self.error is not None:
            raise self.error
        return self.first_seq
