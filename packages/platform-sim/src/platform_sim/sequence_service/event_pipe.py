"""The pipe from the process of a run to the platform: events, each after its length."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

from platform_sim.sequence.model import Group
from platform_sim.sequence.results import StepResult
from platform_sim.sequence_service.events import (
    encode_ended,
    encode_note,
    encode_step_ended,
    encode_step_started,
)
from platform_sim.v1 import sequences_pb2 as pb

_LENGTH = struct.Struct("<I")


class EventWriter:
    """Sends the events of a run; a `RunListener`.

    Args:
        pipe: File descriptor to write to.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def note(self, text: str) -> None:
        """Send a note."""
        self._send(encode_note(text))

    def step_started(self, group: Group, step: str) -> None:
        """Send the start of a step."""
        self._send(encode_step_started(group, step))

    def step_ended(self, result: StepResult) -> None:
        """Send the end of a step."""
        self._send(encode_step_ended(result))

    def ended(self, outcome: pb.Outcome.ValueType, message: str = "") -> None:
        """Send the end of the run."""
        self._send(encode_ended(outcome, message))

    def _send(self, event: pb.RunEvent) -> None:
        event.at.GetCurrentTime()
        content = event.SerializeToString()
        rest = _LENGTH.pack(len(content)) + content
        # When the platform has died nobody reads the events, but Cleanup must still run.
        with suppress(OSError):
            while rest:
                rest = rest[os.write(self._pipe, rest) :]


async def read_events(pipe: asyncio.StreamReader) -> AsyncIterator[pb.RunEvent]:
    """Yield the events that a process sends until it closes its end; half an event is dropped."""
    with suppress(asyncio.IncompleteReadError):
        while True:
            (length,) = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))
            yield pb.RunEvent.FromString(await pipe.readexactly(length))
