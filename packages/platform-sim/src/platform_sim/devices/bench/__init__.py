"""The bench: an electrical network between the simulated instruments."""

from __future__ import annotations

from platform_sim.devices.bench.bench import Bench, State
from platform_sim.devices.bench.parts import Imperfections, Input, Output, Terminal
from platform_sim.devices.bench.readings import Accuracy, Converter

__all__ = [
    "Accuracy",
    "Bench",
    "Converter",
    "Imperfections",
    "Input",
    "Output",
    "State",
    "Terminal",
]
