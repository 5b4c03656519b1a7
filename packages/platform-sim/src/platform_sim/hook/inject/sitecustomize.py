"""Installs the platform's hook at interpreter start, then runs the sitecustomize it hides."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

import platform_sim_shim  # type: ignore[import-not-found]  # stands beside this file

_FOLDER = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 (start-up without pathlib)


def _run_hidden_sitecustomize() -> None:
    """Runs the sitecustomize that Python would have found without this one.

    Site packages are on sys.path when sitecustomize is imported, so one search finds a user's
    as well as a distribution's.
    """
    rest = [entry for entry in sys.path if os.path.realpath(entry or ".") != _FOLDER]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


platform_sim_shim.install()
_run_hidden_sitecustomize()
