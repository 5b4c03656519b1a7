"""The electronics of a pin: driver, comparators, termination and PPMU, on the nets of a bench."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from device_sim.bench import Accuracy, Bench, Input, Output, Terminal, Wave, square
from device_sim.drivers.nidigital.levels import Levels, Termination
from device_sim.drivers.nidigital.pattern import PinState, States

DRIVE_RESISTANCE = 50.0
"""Ohms of the driver, and of the termination VTERM."""

_HIGH_Z = Input(1e9)  # The leakage of a comparator.

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PpmuSetting:
    """What a PPMU sources: a voltage with a limit of the current, or the reverse."""

    quantity: str
    """The regulated quantity: `voltage` or `current`."""

    level: float
    """In volts or amperes."""

    low: float
    """The lower limit of the other quantity."""

    high: float
    """The upper limit of the other quantity."""

    def terminal(self) -> Terminal:
        """Return the action on the nets of the channel."""
        return Output(self.quantity, self.level, self.low, self.high)


class PinElectronics:
    """The electronics of one channel that the bench file connects.

    Args:
        bench: The bench.
        channel: The qualified name of the channel.
    """

    def __init__(self, bench: Bench, channel: str) -> None:
        self.bench = bench
        self.channel = channel
        self.levels = Levels()
        """The levels. They count from the next call of another method on."""
        self.state = PinState.X
        """What it drives: ZERO, ONE, or X for nothing."""
        self.is_masked = False
        """True if no comparison of a burst fails."""

    # Static states.

    def write(self, state: PinState, at: float) -> None:
        """Drive ZERO or ONE from a time on; another state is not driven."""
        self.state = state if state in (PinState.ZERO, PinState.ONE) else PinState.X
        self.connect(at)

    def connect(self, at: float) -> None:
        """Let the pin do from a time on what its state and its levels say."""
        self.bench.drive(self.channel, self.terminal(), at)

    def terminal(self) -> Terminal:
        """Return what the state and the levels mean for the nets."""
        if self.state is PinState.X:
            return termination(self.levels)
        high = self.state is PinState.ONE
        return driver(self.levels.vih if high else self.levels.vil)

    def turn_off(self, at: float) -> None:
        """Only load the nets from a time on, with what the comparators take."""
        self.state = PinState.X
        self.bench.drive(self.channel, _HIGH_Z, at)

    def disconnect(self, at: float) -> None:
        """Open the switch between the pin and its nets from a time on."""
        self.state = PinState.X
        self.bench.drive(self.channel, None, at)

    def read(self, at: float) -> PinState:
        """Return L, H or M: what the comparators find at a time."""
        volts = self.bench.measure(self.channel, at, at).voltage
        return PinState(int(compared(np.array([volts]), self.levels)[0]))

    # Clocks, and the frequency counter.

    def generate(self, frequency: float, at: float) -> None:
        """Drive a clock from a time on."""
        self.state = PinState.X
        clock = square(self.levels.vil, self.levels.vih, frequency, begin=at)
        self.bench.drive(self.channel, playing(clock), at)

    def frequency(self, begin: float, end: float) -> float:
        """Return the hertz at the pin over a time; 0 if it does not begin two cycles."""
        low, high = sorted((self.levels.vol, self.levels.voh))
        return self.bench.frequency(self.channel, begin, end, low, math.nextafter(high, math.inf))

    # PPMU.

    def source(self, setting: PpmuSetting, at: float) -> None:
        """Let the PPMU source from a time on."""
        self.state = PinState.X
        self.bench.drive(self.channel, setting.terminal(), at)

    def measure(self, quantity: str, begin: float, end: float, accuracy: Accuracy) -> float:
        """Return the reading of the PPMU for `voltage` or `current` over an aperture."""
        found = self.bench.measure(self.channel, begin, end)
        value = found.voltage if quantity == "voltage" else found.current
        converter = self.bench.converter(f"{self.channel} {quantity}")
        return converter.convert(value, accuracy, end - begin)


def driver(volts: float) -> Output:
    """Return a driver that holds a voltage."""
    return Output("voltage", volts, -math.inf, math.inf, DRIVE_RESISTANCE)


def playing(wave: Wave) -> Output:
    """Return a driver that plays a wave."""
    return replace(driver(0.0), wave=wave)


def termination(levels: Levels) -> Terminal:
    """Return what a pin does that does not drive."""
    if levels.termination is Termination.VTERM:
        return driver(levels.vterm)
    if levels.termination is Termination.ACTIVE_LOAD:
        return Output("voltage", levels.vcom, -abs(levels.iol), abs(levels.ioh))
    return _HIGH_Z


def compared(volts: Floats, levels: Levels) -> States:
    """Return the state that each voltage has: L below `vol`, H above `voh`, otherwise M."""
    is_low, is_high = volts < levels.vol, volts > levels.voh
    states = np.where(
        is_low & ~is_high, PinState.L, np.where(is_high & ~is_low, PinState.H, PinState.M)
    )
    return states.astype(np.uint8)


def fails(expected: States, volts: Floats, levels: Levels) -> npt.NDArray[np.bool_]:
    """Return where a voltage is not what a state of the pattern expects."""
    is_low, is_high = volts < levels.vol, volts > levels.voh
    is_middle = ~(is_low | is_high)
    return np.asarray(
        ((expected == PinState.L) & ~is_low)
        | ((expected == PinState.H) & ~is_high)
        | ((expected == PinState.M) & ~is_middle)
        | ((expected == PinState.V) & is_middle)
    )
