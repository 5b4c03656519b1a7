"""Read and write the texts of 8 bits by which the reference's client shows registers and ports."""

from __future__ import annotations

from session_sharing.client import InvalidArgumentError
from session_sharing.client.arguments import check_argument

_BITS = 8


class BitsError(InvalidArgumentError, ValueError):
    """A value does not fit into 8 bits, or a text is not one of 8 bits."""


def as_bits(value: int) -> str:
    """Return 8 bits as text, the highest first.

    Raises:
        BitsError: The value has more bits.
    """
    if not 0 <= value < 1 << _BITS:
        raise BitsError(
            f"The value {value} does not fit into {_BITS} bits. Read it as a number instead."
        )
    return format(value, f"0{_BITS}b")


def from_bits(text: str) -> int:
    """Return the number that a text of 8 bits means.

    Raises:
        BitsError: The text is another.
    """
    check_argument("value", text, str)
    if len(text) != _BITS or set(text) - {"0", "1"}:
        raise BitsError(f"{text!r} is not a text of {_BITS} bits, such as '00010111'.")
    return int(text, 2)
