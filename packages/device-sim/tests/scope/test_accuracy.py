"""With its deviations, each sample of a wired digitizer is within the accuracy of its model."""

from __future__ import annotations

import niscope
import numpy as np
import pytest
from bench_text import channel, part
from every_driver import DRIVERS

MODELS = DRIVERS["niscope"].models.models
BENCH = channel("SCOPE1/0", "net") + part(
    "V1", "source", "net", "GND", voltage=0.3, resistance=1e-3
)


@pytest.fixture
def bench(bench_file):
    return bench_file(BENCH)


@pytest.mark.parametrize("model", MODELS)
def test_a_thousand_samples_of_a_constant_voltage(open_scope, server, clock, model):
    scope = open_scope(model=model)
    has_range = min(each for each in MODELS[model].steps["ranges"] if each > 0.7)
    scope.channels["0"].configure_vertical(has_range, niscope.VerticalCoupling.DC)
    scope.configure_horizontal_timing(1e6, 1000, 0.0, 1, True)
    clock.advance(1.0)
    with scope.initiate():
        samples = np.array(scope.channels["0"].fetch()[0].samples)
    accuracy = MODELS[model].accuracy(has_range)
    codes = samples / accuracy.step
    assert codes == pytest.approx(np.rint(codes), abs=1e-6)
    noise = np.hypot(accuracy.noise, accuracy.step / np.sqrt(12.0))
    assert samples.std() == pytest.approx(noise, rel=0.2)
    offset = samples.mean() - 0.3
    assert abs(offset) <= accuracy.gain * 0.3 + accuracy.offset + accuracy.step / 2.0
    assert abs(samples - 0.3).max() <= abs(offset) + 5.5 * accuracy.noise + accuracy.step
