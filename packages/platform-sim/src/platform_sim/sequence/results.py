"""What happened when a sequence ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from platform_sim.sequence.model import Group


class StepStatus(Enum):
    """How a step ended; the values are TestStand's words."""

    DONE = "Done"
    PASSED = "Passed"
    FAILED = "Failed"
    ERROR = "Error"
    SKIPPED = "Skipped"


@dataclass(frozen=True, slots=True)
class SiteOutputs:
    """The outputs of one call of a measurement."""

    outputs: Mapping[str, object]
    """Values by name."""

    site: int | None = None
    """Site of a call that measured one of several; None for a call that measured all of them."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """How one step ended."""

    group: Group
    """Step group."""

    step: str
    """Name of the step."""

    status: StepStatus
    """How it ended."""

    seconds: float
    """Time that it took."""

    message: str = ""
    """Why it did not do what it should, in a line."""

    details: str = ""
    """More about that, such as the traceback of a code module."""

    measurements: tuple[SiteOutputs, ...] = ()
    """Outputs of a measurement step, one entry per call."""

    counts: bool = True
    """False for an error or failure that the step is set to ignore."""

    @property
    def is_bad(self) -> bool:
        """Whether the step makes the sequence fail."""
        return self.counts and self.status in (StepStatus.FAILED, StepStatus.ERROR)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a whole sequence ended."""

    sequence_file: Path
    """The file that ran."""

    steps: tuple[StepResult, ...] = field(default=())
    """In the order in which they ran."""

    interrupted: bool = False
    """Whether the user stopped it."""

    @property
    def bad_steps(self) -> tuple[StepResult, ...]:
        """The steps that made it fail."""
        return tuple(step for step in self.steps if step.is_bad)

    @property
    def passed(self) -> bool:
        """Whether everything went as it should."""
        return not self.interrupted and not self.bad_steps
