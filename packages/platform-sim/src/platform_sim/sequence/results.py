"""The results of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from plugin_kit import LimitCheck

from platform_sim.sequence.model import Group


class StepStatus(Enum):
    """How a step ended. The values are TestStand's words."""

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
    """Site of a call that measured one of several sites. None for a call that measured all."""

    checks: tuple[LimitCheck, ...] = ()
    """The values that have limits."""


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
    """Duration in seconds."""

    message: str = ""
    """The reason of an error or failure, in one line."""

    details: str = ""
    """More about the reason, such as the traceback of a code module."""

    measurements: tuple[SiteOutputs, ...] = ()
    """Outputs of a measurement step, one entry for each call."""

    counts: bool = True
    """False if the step ignores its error or failure."""

    @property
    def checks(self) -> tuple[LimitCheck, ...]:
        """The values of all calls that have limits."""
        return tuple(check for one in self.measurements for check in one.checks)

    @property
    def is_bad(self) -> bool:
        """Return whether the step makes the sequence fail."""
        return self.counts and self.status in (StepStatus.FAILED, StepStatus.ERROR)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a whole sequence ended."""

    sequence_file: Path
    """The file that ran."""

    steps: tuple[StepResult, ...] = field(default=())
    """The steps, in the order of the run."""

    interrupted: bool = False
    """True if the user stopped it."""

    @property
    def bad_steps(self) -> tuple[StepResult, ...]:
        """The steps that make the sequence fail."""
        return tuple(step for step in self.steps if step.is_bad)

    @property
    def passed(self) -> bool:
        """Return whether all steps passed and the user did not stop the run."""
        return not self.interrupted and not self.bad_steps
