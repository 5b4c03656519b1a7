"""The sequences that the chain runs, and the checks of their readings and records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench_values import check_bench_values
from processes import ChainError
from readings import (
    DMM_PIN,
    SMU_PIN,
    SiteReading,
    check_meaning,
    check_steps,
    parse_records,
    readings_of_records,
    readings_of_run,
)
from simulated_values import check_simulated_values


@dataclass(frozen=True)
class PinValue:
    """One measured value."""

    site: int
    """Site number."""

    pin: str
    """Pin name."""

    text: str
    """Value with unit."""


@dataclass(frozen=True)
class SequenceRun:
    """A sequence to run."""

    sequence: str
    """Name of the sequence file."""

    sites: tuple[int, ...]
    """Sites of its pin map."""

    check_values: Callable[[Sequence[SiteReading]], list[tuple[str, str]]]
    """Checks the readings; returns for each site those of the SMU and of the DMM, as text."""

    def check(
        self, result: Mapping[str, Any], lines: Sequence[str]
    ) -> tuple[list[PinValue], list[dict[str, Any]]]:
        """Check a run: its steps, its values, and that its records have the same values.

        Args:
            result: The JSON that ``platform-sim run`` printed.
            lines: The lines that the run added to the log file.

        Returns:
            The measured values, and the records.

        Raises:
            ChainError: A check failed; the message names the step.
        """
        measured = readings_of_run(result, self.sites)
        texts = self.check_values(measured)
        records = parse_records(lines)
        for logged, reading in zip(readings_of_records(records, self.sites), measured, strict=True):
            if logged != reading:
                raise ChainError(f"the log has {logged}, but the run measured {reading}")
        check_steps(result["steps"])
        check_meaning(records, self.sequence)
        values = [PinValue(one.site, SMU_PIN, t[0]) for one, t in zip(measured, texts, strict=True)]
        values += [
            PinValue(one.site, DMM_PIN, t[1]) for one, t in zip(measured, texts, strict=True)
        ]
        return values, records


RUNS = (
    SequenceRun("MeasureAndLogOneSite.seq", (0,), check_simulated_values),
    SequenceRun("MeasureAndLogFourSites.seq", (0, 1, 2, 3), check_simulated_values),
    SequenceRun("MeasureAndLogBench.seq", (0, 1, 2, 3), check_bench_values),
)
"""The sequences, in the order in which they run."""
