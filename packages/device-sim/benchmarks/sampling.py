"""Measure how long the bench needs for records, beside numpy's time for a sine of that length.

    python benchmarks/sampling.py [--json] [--rounds N]

The circuit has three capacitors and a square wave. Times are the processor's, of the best round.
The exit code is 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from device_sim.bench import Bench, Grid
from device_sim.clock import ManualClock

TARGETS = {40_000: 0.05, 1_000_000: 1.0}
"""The longest time in seconds, by the number of samples."""

SOURCE = """
[[connect]]
channel = "SCOPE1/0"
hi = "n3"

[[part]]
name = "V1"
kind = "square"
a = "n0"
b = "GND"
amplitude = 2.0
frequency = 1000.0
resistance = 50.0
"""
STAGE = """
[[part]]
name = "R{right}"
kind = "resistor"
a = "n{left}"
b = "n{right}"
value = 1000.0

[[part]]
name = "C{right}"
kind = "capacitor"
a = "n{right}"
b = "GND"
value = 1e-7
"""


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    samples: int
    milliseconds: float
    sine_milliseconds: float
    target: float

    @property
    def is_met(self) -> bool:
        return self.milliseconds <= self.target


def best(rounds: int, action: Callable[[], object]) -> float:
    """Return the shortest time in milliseconds."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        action()
        times.append(time.process_time() - begin)
    return 1e3 * min(times)


def measure(rounds: int) -> list[Result]:
    text = SOURCE + "".join(STAGE.format(left=n, right=n + 1) for n in range(3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bench.toml")
        path.write_text(text, encoding="utf-8")
        bench = Bench.load(path, ManualClock())
    bench.sample("SCOPE1/0", Grid(0.0, 1e-6, 10))  # loads scipy
    results = []
    for count, target in TARGETS.items():
        grid = Grid(0.0, 1e-6, count)
        ours = best(rounds, lambda grid=grid: bench.sample("SCOPE1/0", grid))
        sine = best(rounds, lambda count=count: np.sin(1e-3 * np.arange(count)))
        results.append(Result(count, ours, sine, 1e3 * target))
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    results = measure(options.rounds)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    else:
        print(f"{'samples':>10}{'ms':>10}{'a sine, ms':>12}{'target':>8}")
        for r in results:
            line = f"{r.samples:>10}{r.milliseconds:>10.1f}{r.sine_milliseconds:>12.1f}"
            print(f"{line}{r.target:>8.0f}")
    return 0 if all(result.is_met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
