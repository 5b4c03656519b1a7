"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a sequence file, or worth knowing."""

    where: str
    """The step, or ``file``."""

    problem: str
    """What is wrong."""

    mending: str
    """What to do about it."""

    is_error: bool = True
    """False for what does not keep the sequence from running here."""

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{'' if self.is_error else 'note: '}{self.where}: {self.problem}. {self.mending}."
