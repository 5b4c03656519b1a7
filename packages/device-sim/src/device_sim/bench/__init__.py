"""The bench: an electrical network between the simulated instruments."""

from __future__ import annotations

from device_sim.bench.bench import Bench
from device_sim.bench.bus import Ear, Stream
from device_sim.bench.grid import Grid
from device_sim.bench.logic_input import Edge, LogicInput
from device_sim.bench.observer import Samples, State
from device_sim.bench.parts import Imperfections, Input, Output, Terminal
from device_sim.bench.readings import Accuracy, Converter
from device_sim.bench.search import Condition, Search, edge, window
from device_sim.bench.terminals import terminal_name
from device_sim.bench.waves import Cycle, Held, Sine, Track, Wave, square

__all__ = [
    "Accuracy",
    "Bench",
    "Condition",
    "Converter",
    "Cycle",
    "Ear",
    "Edge",
    "Grid",
    "Held",
    "Imperfections",
    "Input",
    "LogicInput",
    "Output",
    "Samples",
    "Search",
    "Sine",
    "State",
    "Stream",
    "Terminal",
    "Track",
    "Wave",
    "edge",
    "square",
    "terminal_name",
    "window",
]
