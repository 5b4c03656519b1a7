"""Installs the platform's hook at interpreter start, then gives way to the sitecustomize it hides.

Every Python process under the platform runs this, so it imports only what Python has loaded.
"""

from __future__ import annotations

import os
import sys

import platform_sim_shim  # type: ignore[import-not-found]  # stands beside this file

_FOLDER = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 (start-up without pathlib)


def _give_way() -> None:
    """Import the sitecustomize of a user or of the distribution in place of this one.

    Site packages are on sys.path by now, so one search finds either. Programs that this process
    starts get the hook by PYTHONPATH; this process needs its folder no more.
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
_give_way()
