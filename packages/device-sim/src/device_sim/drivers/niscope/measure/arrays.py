"""Array measurements: waveforms, spectra and histograms made of a waveform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from niscope.enums import ArrayMeasurement

from device_sim.drivers.niscope.measure.levels import Settings, Volts


@dataclass(frozen=True, slots=True)
class Wave:
    """A waveform that a measurement uses or makes."""

    values: Volts
    """The values, in volts at first."""

    rate: float
    """Values per second; per hertz or volt in spectra and histograms."""

    begin: float
    """The time of the first value in seconds from the trigger; or its hertz or volts."""

    get: Settings
    """Return the value of an attribute of the channel."""

    other: Callable[[], Volts]
    """Return the waveform of the channel that `meas_other_channel` names."""

    def with_values(self, values: Volts) -> Wave:
        """Return the wave with other values at the same times."""
        return replace(self, values=values)


def has(function: int) -> bool:
    """Return whether the simulation has an array measurement."""
    return function in _FUNCTIONS


def apply(function: int, wave: Wave) -> Wave:
    """Return the result of an array measurement that `has` confirms."""
    with np.errstate(all="ignore"):
        return _FUNCTIONS[function](wave)


def size(function: int, samples: int, get: Settings) -> int:
    """Return the number of values that a measurement makes of some samples."""
    probe = Wave(np.zeros(max(samples, 1)), 1.0, 0.0, get, lambda: np.zeros(max(samples, 1)))
    return len(apply(function, probe).values)


def _integral(wave: Wave) -> Wave:
    volts = wave.values
    steps = (volts[1:] + volts[:-1]) / 2.0 / wave.rate
    return wave.with_values(np.concatenate(([0.0], np.cumsum(steps))))


def _derivative(wave: Wave) -> Wave:
    if len(wave.values) < 2:
        return wave.with_values(np.zeros(len(wave.values)))
    return wave.with_values(np.gradient(wave.values) * wave.rate)


def _window(shape: Callable[[int], Volts]) -> Callable[[Wave], Wave]:
    def apply_window(wave: Wave) -> Wave:
        return wave.with_values(wave.values * shape(len(wave.values)))

    return apply_window


def _flat_top(count: int) -> Volts:
    turns = 2.0 * np.pi * np.arange(count) / max(count - 1, 1)
    terms = (0.21557895, -0.41663158, 0.277263158, -0.083578947, 0.006947368)
    return np.asarray(sum(term * np.cos(k * turns) for k, term in enumerate(terms)))


def _with_other(combine: Callable[[Volts, Volts], Volts]) -> Callable[[Wave], Wave]:
    def apply_both(wave: Wave) -> Wave:
        other = wave.other()
        shorter = min(len(other), len(wave.values))
        return wave.with_values(combine(wave.values[:shorter], other[:shorter]))

    return apply_both


def _spectrum(of: Callable[[npt.NDArray[np.complex128]], Volts]) -> Callable[[Wave], Wave]:
    """Return a measurement of the spectrum: half as many lines as samples, from 0 Hz up."""

    def apply_spectrum(wave: Wave) -> Wave:
        count = len(wave.values)
        lines = np.fft.rfft(wave.values)[: max(count // 2, 1)] / count
        lines[1:] *= np.sqrt(2.0)  # RMS of a line at both signs of its frequency.
        return replace(wave, values=of(lines), rate=count / wave.rate, begin=0.0)

    return apply_spectrum


def _histogram(wave: Wave) -> Wave:
    bins = int(wave.get("meas_last_acq_histogram_size"))
    finite = wave.values[np.isfinite(wave.values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    counts, edges = np.histogram(finite, bins, (low, high))
    width = float(edges[1] - edges[0])
    return replace(wave, values=counts.astype(float), rate=1.0 / width, begin=low + width / 2.0)


_FUNCTIONS: Mapping[int, Callable[[Wave], Wave]] = {
    getattr(ArrayMeasurement, name).value: function
    for name, function in {
        "NO_MEASUREMENT": lambda w: w,
        "LAST_ACQ_HISTOGRAM": _histogram,
        "FFT_PHASE_SPECTRUM": _spectrum(lambda lines: np.degrees(np.angle(lines))),
        "FFT_AMP_SPECTRUM_VOLTS_RMS": _spectrum(np.abs),
        "FFT_AMP_SPECTRUM_DB": _spectrum(lambda lines: 20.0 * np.log10(np.abs(lines))),
        "ARRAY_INTEGRAL": _integral,
        "DERIVATIVE": _derivative,
        "INVERSE": lambda w: w.with_values(1.0 / w.values),
        "HANNING_WINDOW": _window(np.hanning),
        "HAMMING_WINDOW": _window(np.hamming),
        "BLACKMAN_WINDOW": _window(np.blackman),
        "TRIANGLE_WINDOW": _window(np.bartlett),
        "FLAT_TOP_WINDOW": _window(_flat_top),
        "MULTIPLY_CHANNELS": _with_other(np.multiply),
        "ADD_CHANNELS": _with_other(np.add),
        "SUBTRACT_CHANNELS": _with_other(np.subtract),
        "DIVIDE_CHANNELS": _with_other(np.divide),
        "ARRAY_OFFSET": lambda w: w.with_values(w.values + float(w.get("meas_array_offset"))),
        "ARRAY_GAIN": lambda w: w.with_values(w.values * float(w.get("meas_array_gain"))),
    }.items()
}
