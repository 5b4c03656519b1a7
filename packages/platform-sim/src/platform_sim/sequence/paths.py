"""Resolve the paths in sequence files: Windows spelling, relative to the sequence file."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath

from platform_sim.sequence.errors import StepError, UnsupportedError
from platform_sim.sequence.expressions import Scope, evaluate

_PLAIN_STRING = re.compile(r'@?"([^"]*)"\s*\Z')


def resolve(folder: Path, path: str) -> Path:
    r"""Return the absolute path of a file that a sequence file names.

    Args:
        folder: Folder of the sequence file.
        path: With ``\`` or ``/``.

    Raises:
        UnsupportedError: The path is absolute on Windows, and this is another system.
    """
    windows = PureWindowsPath(path)
    if windows.drive and not Path(path).is_absolute():
        raise UnsupportedError(
            f"{path} is an absolute Windows path. Make it relative to the sequence file."
        )
    return (folder / path.replace("\\", "/")).resolve()


def evaluate_path(expression: str, scope: Scope) -> str:
    r"""Return the path in an expression.

    TestStand saves a plain literal with single backslashes, ``"..\maps\A.pinmap"``. So this
    function does not resolve escapes in it.

    Raises:
        StepError: The value is not text.
    """
    literal = _PLAIN_STRING.match(expression.strip())
    if literal:
        return literal[1].replace("\\\\", "\\")
    value = evaluate(expression, scope)
    if not isinstance(value, str) or not value:
        raise StepError(f"{expression} gives {value!r}, not a path.")
    return value
