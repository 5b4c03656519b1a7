"""The command `platform-sim`. Each group of commands has a module."""

from platform_sim.cli.main import main

__all__ = ["main"]
