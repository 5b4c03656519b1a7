"""The bench: an electrical network between the simulated instruments."""

from __future__ import annotations

from device_sim.bench.bench import Bench, State
from device_sim.bench.parts import Imperfections, Input, Output, Sine, Terminal
from device_sim.bench.readings import Accuracy, Converter

__all__ = [
    "Accuracy",
    "Bench",
    "Converter",
    "Imperfections",
    "Input",
    "Output",
    "Sine",
    "State",
    "Terminal",
]
