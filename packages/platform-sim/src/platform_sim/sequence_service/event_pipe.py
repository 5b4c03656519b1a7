"""The pipe from the process of a run to the platform. Each event follows its length."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

from platform_sim.v1 import sequences_pb2 as pb

_LENGTH = struct.Struct("<I")


def write_event(pipe: int, event: pb.RunEvent) -> None:
    """Send an event.

    Args:
        pipe: File descriptor of the process's end.
        event: The event to send.

    Raises:
        OSError: The platform has closed its end, or has died.
    """
    content = event.SerializeToString()
    rest = _LENGTH.pack(len(content)) + content
    while rest:
        rest = rest[os.write(pipe, rest) :]


async def read_events(pipe: asyncio.StreamReader) -> AsyncIterator[pb.RunEvent]:
    """Yield the events of a process until it closes its end. An incomplete event is dropped."""
    with suppress(asyncio.IncompleteReadError):
        while True:
            (length,) = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))
            yield pb.RunEvent.FromString(await pipe.readexactly(length))
