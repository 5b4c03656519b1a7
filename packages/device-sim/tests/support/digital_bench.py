"""Bursts of patterns on a bench, without the driver's calls around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from bench_text import channel
from device_sim.bench import Bench
from device_sim.clock import ManualClock
from device_sim.drivers.nidigital.burst import Burst
from device_sim.drivers.nidigital.electronics import PinElectronics
from device_sim.drivers.nidigital.levels import Edges, Levels, TimeSet
from device_sim.drivers.nidigital.pattern import Instruction, Opcode, Pattern, PinState
from device_sim.drivers.nidigital.results import SiteResult

PERIOD = 1e-6
"""Seconds of a cycle."""

STROBED = Edges(off=PERIOD, strobe=0.75 * PERIOD)
"""A pin that changes at the begin of a cycle, and compares late."""

_STATES = {"0": PinState.ZERO, "1": PinState.ONE}


def states_of(rows: Sequence[str]) -> np.ndarray:
    """Return the states of vectors such as `01LX`, a character a pin."""
    return np.array(
        [[[_STATES[c] if c in _STATES else PinState[c] for c in row]] for row in rows], np.uint8
    )


def pattern(pins: Sequence[str], rows: Sequence[str], **changes: object) -> Pattern:
    """Return a straight pattern of the time set `t`."""
    content: dict[str, object] = {
        "name": "pattern",
        "pins": tuple(pins),
        "states": states_of(rows),
        "time_sets": ("t",),
        "time_set_of": np.zeros(len(rows), np.int64),
        "instructions": {len(rows) - 1: Instruction(Opcode.HALT)},
        "labels": {"pattern": 0},
        **changes,
    }
    return Pattern(**content)  # type: ignore[arg-type]


@dataclass
class DigitalBench:
    """A bench with the pins of a digital instrument: pin 0 of site 0 is `D1/0`, and so on."""

    bench: Bench
    clock: ManualClock
    pins: int
    sites: Sequence[int] = (0,)
    electronics: dict[tuple[int, int], PinElectronics] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, site in enumerate(self.sites):
            for pin in range(self.pins):
                channel = f"D1/{place * self.pins + pin}"
                self.electronics[site, pin] = PinElectronics(self.bench, channel)

    @classmethod
    def load(cls, path: Path, pins: int, sites: Sequence[int] = (0,)) -> DigitalBench:
        """Return the bench of a file, on virtual time."""
        clock = ManualClock()
        return cls(Bench.load(path, clock), clock, pins, sites)

    def set_levels(self, levels: Levels) -> None:
        """Give all pins the same levels."""
        for each in self.electronics.values():
            each.levels = levels

    def begin(
        self, pattern: Pattern, edges: Mapping[int, Edges] | None = None, **sets: TimeSet
    ) -> Burst:
        """Begin a burst now. The time set `t` has the edges of some pins, or `STROBED`."""
        timing = {
            each.channel: (edges or {}).get(pin, STROBED)
            for (_, pin), each in self.electronics.items()
        }
        time_sets = {"t": TimeSet("t", PERIOD, timing), **sets}
        pins = {s: [self.electronics.get((s, p)) for p in range(self.pins)] for s in self.sites}
        burst = Burst(self.bench, pattern, 0, pins, time_sets, self.clock.now())
        self.bench.timeline.add(burst)
        return burst

    def finish(self, burst: Burst) -> SiteResult:
        """Let a burst run to its end. Return the results of the first site."""
        self.clock.advance(burst.end - self.clock.now())
        self.bench.timeline.advance(self.clock.now())
        burst.check()
        assert burst.is_done
        self.bench.timeline.discard(burst)
        return burst.results[self.sites[0]]

    def run(
        self, pattern: Pattern, edges: Mapping[int, Edges] | None = None, **sets: TimeSet
    ) -> SiteResult:
        """Run a burst from now to its end."""
        return self.finish(self.begin(pattern, edges, **sets))

    def volts(self, channel: int, times: Sequence[float]) -> list[float]:
        """Return the voltage of a channel at some ascending times of the past."""
        return [float(v) for v in self.bench.volts(f"D1/{channel}", np.array(times))]


def pins(*nets: str, first: int = 0) -> str:
    """Return the tables that connect the pins of the instrument with nets."""
    return "".join(channel(f"D1/{number}", net) for number, net in enumerate(nets, first))
