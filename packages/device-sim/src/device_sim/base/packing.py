"""Encode many numbers for a repeated field at once: protobuf's own way takes each alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from device_sim.base.wire import Packed

_LONGEST = 5  # Bytes of a 32-bit integer, seven bits in each.


def pack_doubles(values: npt.ArrayLike) -> Packed:
    """Encode a `repeated double`."""
    return Packed(np.asarray(values, dtype="<f8").tobytes())


def pack_integers(values: npt.ArrayLike) -> Packed:
    """Encode a `repeated sint32`: zigzag numbers, seven bits in a byte, the lowest first."""
    numbers = np.asarray(values, dtype=np.int64)
    zigzag = (numbers << 1) ^ (numbers >> 63)
    groups = zigzag[:, None] >> (7 * np.arange(_LONGEST))
    is_used = (groups > 0) | (np.arange(_LONGEST) == 0)
    continues = np.zeros_like(is_used)
    continues[:, :-1] = is_used[:, 1:]
    encoded = (groups & 0x7F) | np.where(continues, 0x80, 0)
    return Packed(encoded.astype(np.uint8)[is_used].tobytes())
