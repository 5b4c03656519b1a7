"""The hook by which unmodified NI SDK processes find this platform.

`inject/` is put in front of PYTHONPATH of the processes that the platform starts, and works in
environments that do not have this package. `startup` is what the wheel's .pth file imports, in
every Python process of its environment: so this module imports only what Python has loaded.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DISCOVERY_VARIABLE = "PLATFORM_SIM_DISCOVERY"
"""Environment variable with HOST:PORT of the discovery service."""

STATE_FILE_VARIABLE = "PLATFORM_SIM_STATE_FILE"
"""Environment variable with the path of the state file of a running platform."""

DIE_WITH_PARENT_VARIABLE = "PLATFORM_SIM_DIE_WITH_PARENT"
"""Set to 1 for plug-ins: the first Python process under it ends when its parent does."""


def inject_folder() -> str:
    """Returns the folder that holds the hook's sitecustomize module."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject")  # noqa: PTH100, PTH118, PTH120


def hooked_environment(discovery_address: str, base: Mapping[str, str]) -> dict[str, str]:
    """Returns a copy of an environment in which the NI SDK finds the platform.

    Args:
        discovery_address: HOST:PORT of the discovery service.
        base: The environment to start from, usually `os.environ`.
    """
    folder = inject_folder()
    others = [part for part in base.get("PYTHONPATH", "").split(os.pathsep) if part]
    path = [folder, *(part for part in others if part != folder)]
    return {**base, DISCOVERY_VARIABLE: discovery_address, "PYTHONPATH": os.pathsep.join(path)}
