"""A finding of a check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """An error in a sequence file, or a note about it."""

    where: str
    """The step, or ``file``."""

    problem: str
    """The problem."""

    remedy: str
    """How to fix it."""

    is_error: bool = True
    """False for a note: the sequence runs here in spite of it."""

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{'' if self.is_error else 'note: '}{self.where}: {self.problem}. {self.remedy}."
