"""Install the platform's hook at interpreter start, then import the sitecustomize that it hides.

Every Python process under the platform runs this. So it imports only loaded modules.
"""

from __future__ import annotations

import os
import sys

import platform_sim_shim  # type: ignore[import-not-found]  # in the same folder

_FOLDER = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 (start-up without pathlib)


def _import_hidden() -> None:
    """Import the user's or the distribution's sitecustomize in place of this one.

    Site packages are on sys.path by now, so one search finds either. Child processes get the hook
    through PYTHONPATH; this process does not need the folder any more.
    """
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != _FOLDER]
    mine = sys.modules.pop(__name__)
    try:
        __import__(__name__)
    except ModuleNotFoundError as error:
        if error.name != __name__:
            raise
        sys.modules[__name__] = mine


platform_sim_shim.install()
_import_hidden()
