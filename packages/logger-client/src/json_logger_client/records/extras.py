"""Import what an extra of this package installs."""

from __future__ import annotations

import importlib
from typing import Any


def needed(module: str, extra: str) -> Any:
    """Return a module that an extra of this package installs.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"This needs {module}, which is not installed: "
            f"pip install 'json-logger-client[{extra}]'"
        ) from error
