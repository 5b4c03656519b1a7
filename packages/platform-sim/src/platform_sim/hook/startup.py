"""Install the hook. The wheel's .pth file imports this module at interpreter start."""

from __future__ import annotations

from platform_sim.hook.inject import platform_sim_shim

platform_sim_shim.install()
