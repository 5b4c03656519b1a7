"""The command `platform-sim`; one module for each group of verbs."""

from platform_sim.cli.main import main

__all__ = ["main"]
