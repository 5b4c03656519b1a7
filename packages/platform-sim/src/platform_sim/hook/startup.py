"""Imported at interpreter start by the wheel's .pth file; installs the hook and nothing else."""

from __future__ import annotations

from platform_sim.hook.inject import platform_sim_shim

platform_sim_shim.install()
