"""Refuse arguments of a wrong type with an error that names the argument."""

from __future__ import annotations

from session_sharing.core.errors import InvalidArgumentError


def check_argument(name: str, value: object, *types: type) -> None:
    """Check the type of an argument.

    Args:
        name: Name of the argument.
        value: The argument.
        types: The types that the argument may have.

    Raises:
        InvalidArgumentError: The argument has another type.
    """
    if isinstance(value, types):
        return
    names = ["None" if kind is type(None) else kind.__name__ for kind in types]
    wanted = " or ".join(names)
    raise InvalidArgumentError(
        f"The argument {name} must be {wanted}, not {type(value).__name__}: {value!r:.60}"
    )
