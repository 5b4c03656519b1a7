"""Check a sequence file without running it."""

from platform_sim.sequence.check.checks import check_sequence_file
from platform_sim.sequence.check.finding import Finding

__all__ = ["Finding", "check_sequence_file"]
