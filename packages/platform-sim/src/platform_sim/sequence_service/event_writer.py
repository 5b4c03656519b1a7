"""Send the events of a run to the platform."""

from __future__ import annotations

from contextlib import suppress

from platform_sim.sequence.model import Group
from platform_sim.sequence.results import StepResult
from platform_sim.sequence_service.event_pipe import write_event
from platform_sim.sequence_service.events import (
    encode_ended,
    encode_note,
    encode_step_ended,
    encode_step_started,
)
from platform_sim.v1 import sequences_pb2 as pb


class EventWriter:
    """Send the events of a run. This is a `RunListener`.

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
        with suppress(OSError):  # the platform has died, but Cleanup must still run
            write_event(self._pipe, event)
