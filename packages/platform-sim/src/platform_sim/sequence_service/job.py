"""The job of a run's process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class RunJob:
    """A sequence to run, with its options."""

    sequence: str
    """Absolute path of the sequence file."""
    discovery_address: str
    """HOST:PORT of the platform's discovery service."""
    pin_map: str = ""
    """Absolute path of the pin map to use instead of the one that the sequence names, or ""."""
    sites: tuple[int, ...] = ()
    """Sites to measure on, none for all sites of the pin map."""
    uut: str = ""
    """Serial number of the unit under test, or "" for none."""
    junit_file: str = ""
    """Path of the file for the results as JUnit XML, or "" for none."""

    def to_argument(self) -> str:
        """Return the job as an argument for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, text: str) -> RunJob:
        """Return the job in an argument."""
        fields = json.loads(text)
        return cls(**{**fields, "sites": tuple(fields["sites"])})
