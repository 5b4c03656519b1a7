"""Read TOML, also on Python 3.10."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from device_sim.errors import BenchError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_data(path: Path) -> dict[str, Any]:
    """Read a TOML file of this package. A file that does not exist has no content."""
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def read_file(path: Path) -> tuple[dict[str, Any], str]:
    """Read a TOML file of the user. Return its content and its text.

    Raises:
        BenchError: The file cannot be read or is not TOML. The text says where.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:  # for endless numbers and nesting, too
        raise BenchError(f"{path} is not a TOML file: {error}.") from error
