"""The hook by which unmodified processes with NI's SDK find this platform.

The platform puts `inject/` in front of PYTHONPATH of the processes that it starts, and works in
environments that do not have this package. The wheel's .pth file imports `startup` in every Python
process of its environment. So this module imports only modules that Python has loaded already.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DISCOVERY_VARIABLE = "PLATFORM_SIM_DISCOVERY"
"""Environment variable with HOST:PORT of the discovery service."""

CLUSTER_VARIABLE = "NIDiscovery_ClusterId"
"""Environment variable of NI's SDK on Windows: the key file of another discovery service."""

STATE_FILE_VARIABLE = "PLATFORM_SIM_STATE_FILE"
"""Environment variable with the path of a running platform's state file."""

DIE_WITH_PARENT_VARIABLE = "PLATFORM_SIM_DIE_WITH_PARENT"
"""Environment variable, 1 for plug-ins: their first Python process ends with its parent process."""


def inject_folder() -> str:
    """Return the folder that holds the hook's sitecustomize module."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject")  # noqa: PTH100, PTH118, PTH120


def cluster_id(discovery_address: str) -> str:
    """Return the id by which NI's SDK on Windows tells a platform from other discovery services."""
    return f"platform-sim-{discovery_address.rpartition(':')[2]}"


def discovery_variables(discovery_address: str) -> dict[str, str]:
    """Return the environment variables with which the NI SDK finds a platform.

    Args:
        discovery_address: HOST:PORT of the discovery service.
    """
    variables = {DISCOVERY_VARIABLE: discovery_address}
    if sys.platform == "win32":  # where the SDK finds a discovery service by itself
        variables[CLUSTER_VARIABLE] = cluster_id(discovery_address)
    return variables


def hooked_environment(discovery_address: str, base: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of an environment in which the NI SDK finds the platform.

    Args:
        discovery_address: HOST:PORT of the discovery service.
        base: The environment to start from, usually `os.environ`.
    """
    folder = inject_folder()
    others = [part for part in base.get("PYTHONPATH", "").split(os.pathsep) if part]
    path = [folder, *(part for part in others if part != folder)]
    variables = discovery_variables(discovery_address)
    return {**base, **variables, "PYTHONPATH": os.pathsep.join(path)}
