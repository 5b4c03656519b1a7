"""The source and capture waveforms of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class SourceWaveform:
    """A waveform whose samples a pattern drives."""

    pins: str
    """The pins that it drives, as the client lists them."""

    is_broadcast: bool
    """True if all sites have the same samples."""

    width: int = 0
    """Bits of a sample that one pin drives one after the other; 0 if each pin drives one bit."""

    is_msb_first: bool = True
    """True if the highest bit comes first."""

    written: Mapping[int, Samples] = field(default_factory=dict)
    """The samples by site; those for all sites stand at ALL_SITES."""

    def has_samples(self, sites: list[int]) -> bool:
        """Return whether all of some sites have samples."""
        return ALL_SITES in self.written or all(site in self.written for site in sites)


ALL_SITES = -1
"""The place of samples that are for all sites."""


@dataclass(frozen=True, slots=True)
class CaptureWaveform:
    """A waveform that a pattern captures from pins."""

    pins: str
    """The pins, as the client lists them."""

    width: int = 0
    """As in SourceWaveform."""

    is_msb_first: bool = True
    """As in SourceWaveform."""
