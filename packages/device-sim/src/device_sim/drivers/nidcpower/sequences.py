"""The sequences of a channel: simple ones (levels) or advanced ones (attributes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from device_sim.base.attributes import Value
from device_sim.errors import INVALID_VALUE, DriverError

Step = dict[str, Value]
"""The attributes that a step changes, by name."""


@dataclass(slots=True)
class AdvancedSequence:
    """A named sequence. Each of its steps sets the same attributes."""

    attributes: frozenset[str]
    """The attributes that steps may set."""

    steps: list[Step] = field(default_factory=list)
    """The steps so far."""

    commit_step: Step | None = None
    """The settings of the channel from commit until the sequence starts."""


class SequenceBook:
    """The sequences of one channel."""

    def __init__(self) -> None:
        self.levels: list[float] = []
        self.delays: list[float] = []
        self.advanced: dict[str, AdvancedSequence] = {}

    def set_simple(self, levels: Sequence[float], delays: Sequence[float]) -> None:
        """Replace the simple sequence. Without delays, each step uses the channel's own."""
        self.levels, self.delays = list(levels), list(delays)

    def create(self, name: str, attributes: frozenset[str]) -> None:
        """Create an advanced sequence.

        Raises:
            DriverError: The name is empty or taken, or no attribute is given.
        """
        if not name or name in self.advanced:
            raise DriverError(INVALID_VALUE, f"Sequence name empty or already in use: '{name}'")
        if not attributes:
            raise DriverError(INVALID_VALUE, "An advanced sequence needs at least one attribute.")
        self.advanced[name] = AdvancedSequence(attributes)

    def get(self, name: str) -> AdvancedSequence:
        """Return the advanced sequence of this name.

        Raises:
            DriverError: No sequence has this name.
        """
        if name not in self.advanced:
            raise DriverError(INVALID_VALUE, f"No advanced sequence: '{name}'")
        return self.advanced[name]

    def delete(self, name: str) -> None:
        """Delete an advanced sequence.

        Raises:
            DriverError: No sequence has this name.
        """
        self.get(name)
        del self.advanced[name]

    def steps(self, active: str, level_attribute: str) -> list[Step]:
        """Return the steps to run: those of the active advanced sequence, or of the simple one.

        Raises:
            DriverError: There is no step to run.
        """
        if active:
            steps = self.get(active).steps
        else:
            steps = [{level_attribute: level} for level in self.levels]
            for step, delay in zip(steps, self.delays, strict=bool(self.delays)):
                step["source_delay"] = delay
        if not steps:
            raise DriverError(
                INVALID_VALUE, "The source mode is sequence, but no step has been set."
            )
        return steps
