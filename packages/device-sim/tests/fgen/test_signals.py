"""What a generator puts out at any time, against closed forms.

The output of a generator cannot be read through NI's driver, so these tests ask the plan of a
generation directly. Times are in seconds, of a clock that starts at 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from device_sim.drivers.nifgen.generation import Generation, Wait
from device_sim.drivers.nifgen.memory import FrequencyList, Memory, Step
from device_sim.drivers.nifgen.program import Compiler
from device_sim.errors import DriverError
from every_driver import DRIVERS
from nifgen import IdleBehavior, OutputMode, StartTriggerType, TriggerMode, WaitBehavior, Waveform

RATE = 1000.0
FGEN = DRIVERS["nifgen"]
EIGHT = [n / 8.0 for n in range(8)]
FOUR = [-1.0, -0.5, 0.5, 1.0]


class Generator:
    """The generation of one channel, with attributes and memory but without a session."""

    def __init__(self, mode: OutputMode, **attributes: Any) -> None:
        model = FGEN.models.default
        self.memory = Memory(model.defaults)
        self.attributes: dict[str, Any] = {
            **{attribute.name: attribute.default for attribute in FGEN.table},
            "output_mode": mode.value,
            "arb_sample_rate": RATE,
            **{name: getattr(value, "value", value) for name, value in attributes.items()},
        }
        self.begun: list[float] = []

    def waveform(self, samples: Sequence[float], name: str = "") -> int:
        if name:
            self.memory.write(name, [0], np.array(samples))
            return 0
        return self.memory.create([0], np.array(samples))

    def start(self, at: float = 0.0) -> Generation:
        plan = Compiler(lambda name, _: self.attributes[name], self.memory, 1).plan()
        return Generation(plan, lambda time, signals: self.begun.append(time), at)


def script(text: str, **attributes: Any) -> Generator:
    """Return a generator with the waveforms a, of eight samples, and b, of four."""
    generator = Generator(OutputMode.SCRIPT, script_to_generate="s", **attributes)
    generator.waveform(EIGHT, "a")
    generator.waveform(FOUR, "b")
    generator.memory.write_scripts(f"script s\n{text}\nend script")
    return generator


def samples(generation: Generation, first: int, count: int) -> list[float]:
    """Return the voltages in the middle of some samples, after all parts up to them have run."""
    times = (np.arange(first, first + count) + 0.5) / RATE
    until = float(times[-1])
    while generation.due() <= until:
        generation.run(until, until)
    return [float(volts) for volts in generation.voltages(0, times)]


def function(waveform: Waveform, times: Any, **attributes: Any) -> Any:
    settings = {"func_amplitude": 4.0, "func_frequency": 50.0, "func_dc_offset": 1.0}
    generator = Generator(OutputMode.FUNC, func_waveform=waveform, **(settings | attributes))
    return generator.start().voltages(0, np.asarray(times, dtype=float))


TIMES = np.linspace(0.0, 1.0, 4001) + 1e-7


def test_a_sine_has_amplitude_offset_frequency_and_phase():
    expected = 1.0 + 2.0 * np.sin(2.0 * math.pi * 50.0 * TIMES + math.radians(30.0))
    got = function(Waveform.SINE, TIMES, func_start_phase=30.0)
    assert got == pytest.approx(expected, abs=1e-9)


def test_a_square_is_high_for_its_duty_cycle():
    got = function(Waveform.SQUARE, TIMES, func_duty_cycle_high=25.0)
    assert set(got) == {-1.0, 3.0}
    assert np.mean(got == 3.0) == pytest.approx(0.25, abs=1e-3)
    assert list(function(Waveform.SQUARE, [0.001, 0.009, 0.011, 0.019])) == [3.0, 3.0, -1.0, -1.0]


def test_a_triangle_and_ramps_are_straight():
    quarter = np.array([0.0, 0.005, 0.010, 0.015])
    assert function(Waveform.TRIANGLE, quarter) == pytest.approx([1.0, 3.0, 1.0, -1.0])
    assert function(Waveform.RAMP_UP, quarter) == pytest.approx([-1.0, 0.0, 1.0, 2.0])
    assert function(Waveform.RAMP_DOWN, quarter) == pytest.approx([3.0, 2.0, 1.0, 0.0])


def test_dc_is_the_offset_alone():
    assert set(function(Waveform.DC, TIMES)) == {1.0}


def test_noise_fills_its_range_evenly_and_is_the_same_at_the_same_time():
    times = np.arange(20_000) / 1e6
    noise = function(Waveform.NOISE, times)
    assert noise.min() >= -1.0
    assert noise.max() <= 3.0
    assert noise.mean() == pytest.approx(1.0, abs=0.05)
    assert noise.std() == pytest.approx(2.0 / math.sqrt(3.0), rel=0.05)
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.05
    assert list(function(Waveform.NOISE, times[::-1])) == list(noise[::-1])


def test_the_users_own_waveform_is_one_cycle():
    generator = Generator(
        OutputMode.FUNC, func_waveform=Waveform.USER, func_amplitude=2.0, func_frequency=10.0
    )
    generator.memory.user[0] = np.array(FOUR)
    times = np.array([0.01, 0.03, 0.06, 0.09, 0.11])
    assert list(generator.start().voltages(0, times)) == [*FOUR, FOUR[0]]


def test_a_frequency_list_goes_on_with_its_phase_and_starts_again():
    generator = Generator(
        OutputMode.FREQ_LIST, func_waveform=Waveform.SINE, func_amplitude=2.0, func_start_phase=90.0
    )
    generator.memory.add_list(FrequencyList(1, (10.0, 5.0), (0.125, 0.25)))
    turns = np.where(TIMES % 0.375 < 0.125, 10.0 * (TIMES % 0.375), 0.625 + 5.0 * (TIMES % 0.375))
    turns += 2.5 * np.floor(TIMES / 0.375)
    expected = np.cos(2.0 * math.pi * turns)
    assert generator.start().voltages(0, TIMES) == pytest.approx(expected, abs=1e-9)


def test_a_single_frequency_list_stays_at_its_last_frequency():
    generator = Generator(
        OutputMode.FREQ_LIST,
        func_waveform=Waveform.SINE,
        func_amplitude=2.0,
        trigger_mode=TriggerMode.SINGLE,
    )
    generator.memory.add_list(FrequencyList(1, (10.0, 5.0), (0.1, 0.1)))
    later = np.array([0.25, 5.25])
    assert generator.start().voltages(0, later) == pytest.approx([-1.0, -1.0], abs=1e-9)


def test_a_burst_goes_to_the_next_frequency_at_a_trigger_after_whole_cycles():
    generator = Generator(
        OutputMode.FREQ_LIST,
        func_waveform=Waveform.SQUARE,
        func_amplitude=2.0,
        trigger_mode=TriggerMode.BURST,
    )
    generator.memory.add_list(FrequencyList(2, (10.0, 5.0), (1.0, 1.0)))
    generation = generator.start()
    generation.send(Wait.START, 0.25)
    assert list(generation.voltages(0, np.array([0.21, 0.26]))) == [1.0, -1.0]
    assert samples(generation, 290, 20)[9:11] == [-1.0, 1.0]
    assert samples(generation, 350, 100) == [1.0] * 50 + [-1.0] * 50


def test_a_waveform_is_held_between_samples_and_repeats_for_ever():
    generator = Generator(OutputMode.ARB, arb_gain=2.0, arb_offset=0.5)
    generator.waveform(EIGHT)
    generation = generator.start()
    expected = [0.5 + 2.0 * value for value in EIGHT]
    assert samples(generation, 0, 20) == (expected * 3)[:20]
    assert samples(generation, 8_000_001, 8) == expected[1:] + expected[:1]
    edges = np.array([0.0, 0.00098, 0.001, 0.00198])
    assert list(generation.voltages(0, edges)) == [0.5, 0.5, 0.75, 0.75]
    assert not generation.finished


def test_samples_beyond_full_scale_are_clipped():
    generator = Generator(OutputMode.ARB, digital_gain=2.0, arb_gain=3.0)
    generator.waveform(FOUR)
    assert samples(generator.start(), 0, 4) == [-3.0, -3.0, 3.0, 3.0]


def test_a_single_waveform_comes_as_often_as_asked_and_then_holds():
    generator = Generator(OutputMode.ARB, trigger_mode=TriggerMode.SINGLE, arb_repeat_count=3)
    generator.waveform(FOUR)
    generation = generator.start()
    assert samples(generation, 0, 14) == [*FOUR * 3, 1.0, 1.0]
    assert generation.finished
    assert generation.levels(5.0) == (1.0,)


def test_the_idle_value_follows_if_it_is_asked_for():
    generator = Generator(
        OutputMode.ARB,
        trigger_mode=TriggerMode.SINGLE,
        idle_behavior=IdleBehavior.JUMP_TO,
        idle_value=8192,
        arb_gain=2.0,
    )
    generator.waveform(FOUR)
    assert samples(generator.start(), 0, 6) == [-2.0, -1.0, 1.0, 2.0, 0.5, 0.5]


def test_a_start_trigger_starts_the_output():
    generator = Generator(OutputMode.ARB, start_trigger_type=StartTriggerType.SOFTWARE_EDGE)
    generator.waveform(FOUR)
    generation = generator.start()
    assert samples(generation, 0, 3) == [0.0, 0.0, 0.0]
    assert generation.origin is None
    generation.send(Wait.START, 0.010)
    assert samples(generation, 8, 8) == [0.0, 0.0, *FOUR, *FOUR[:2]]
    assert generation.origin == 0.010


def sequence(**attributes: Any) -> Generator:
    """Return a generator with the sequence a twice, then three samples of b once."""
    generator = Generator(OutputMode.SEQ, **attributes)
    first, second = generator.waveform(EIGHT), generator.waveform([*FOUR, 0.0])
    generator.memory.add_sequence([Step(first, 2, None, 3), Step(second, 1, 4, -1)])
    return generator


def test_a_sequence_repeats_its_steps_in_turn():
    generation = sequence().start()
    assert samples(generation, 0, 48) == [*EIGHT, *EIGHT, *FOUR] * 2 + EIGHT


def test_a_single_sequence_ends():
    generation = sequence(trigger_mode=TriggerMode.SINGLE).start()
    assert samples(generation, 0, 22) == [*EIGHT, *EIGHT, *FOUR, 1.0, 1.0]
    assert generation.finished


def test_a_stepped_sequence_repeats_the_first_samples_of_the_next_step_until_a_trigger():
    generation = sequence(trigger_mode=TriggerMode.STEPPED).start()
    assert samples(generation, 0, 24) == [*EIGHT, *EIGHT, *FOUR, *FOUR]
    generation.send(Wait.START, 0.0265)
    assert samples(generation, 24, 12) == [*FOUR, *FOUR, *EIGHT[:4]]


def test_a_burst_sequence_completes_its_step_at_a_trigger():
    generation = sequence(trigger_mode=TriggerMode.BURST).start()
    assert samples(generation, 0, 20) == [*EIGHT, *EIGHT, *EIGHT[:4]]
    generation.send(Wait.START, 0.0205)
    assert samples(generation, 20, 12) == [*EIGHT[4:], *FOUR, *FOUR]


def test_markers_come_at_their_samples():
    generation = sequence().start()
    counts = [generation.markers(0, (n + 0.5) / RATE) for n in (2, 3, 10, 11, 19, 23)]
    assert counts == [0, 1, 1, 2, 2, 3]
    assert generation.markers(1, 1.0) == 0


def test_a_script_links_and_loops_waveforms():
    text = "generate a\nrepeat 2\n  Generate b  // comment\n  generate a subset(2, 3)\nend repeat"
    generation = script(text).start()
    expected = [*EIGHT, *([*FOUR, *EIGHT[2:5]] * 2)]
    assert samples(generation, 0, 24) == [*expected, EIGHT[4], EIGHT[4]]
    assert generation.finished


def test_a_script_without_end_can_be_asked_for_any_time():
    generation = script(
        "repeat forever\nrepeat 1000000\ngenerate a\nend repeat\ngenerate b\nend repeat"
    )
    generation = generation.start()
    assert samples(generation, 8_000_000, 8) == [*FOUR, *EIGHT[:4]]
    assert not generation.finished


def test_repeat_until_ends_after_the_pass_in_which_the_trigger_comes():
    text = "repeat until scriptTrigger0\ngenerate b\nend repeat\ngenerate a"
    generation = script(text).start()
    assert samples(generation, 0, 10) == (FOUR * 3)[:10]
    generation.send(Wait.SCRIPT1, 0.0102)
    generation.send(Wait.SCRIPT0, 0.0105)
    assert samples(generation, 10, 12) == [*FOUR[2:], *EIGHT, 0.875, 0.875]


def test_wait_until_holds_the_last_sample_or_jumps():
    text = "generate b\nwait until scriptTrigger2\ngenerate a"
    for attributes, level in (
        ({}, 1.0),
        ({"wait_behavior": WaitBehavior.JUMP_TO, "wait_value": -16384}, -0.5),
    ):
        generation = script(text, **attributes).start()
        assert samples(generation, 0, 6) == [*FOUR, level, level]
        generation.send(Wait.SCRIPT2, 0.007)
        assert samples(generation, 6, 9) == [level, *EIGHT]


def test_a_trigger_before_its_wait_counts_once():
    text = "repeat 2\ngenerate b\nwait until scriptTrigger0\nend repeat\ngenerate a"
    generation = script(text).start()
    generation.send(Wait.SCRIPT0, 0.001)
    generation.send(Wait.SCRIPT0, 0.002)
    assert samples(generation, 0, 10) == [*FOUR, *FOUR, 1.0, 1.0]
    assert not generation.finished


def test_a_repeated_block_with_waits_ends_at_its_trigger():
    text = "repeat until scriptTrigger1\nwait until scriptTrigger0\ngenerate b\nend repeat"
    generation = script(text).start()
    generation.send(Wait.SCRIPT0, 0.001)
    generation.send(Wait.SCRIPT1, 0.002)
    assert samples(generation, 0, 8) == [0.0, *FOUR, 1.0, 1.0, 1.0]
    assert generation.finished


def test_markers_of_a_script_are_counted():
    text = "generate a marker0(1, 5) marker3(0)\nwait until scriptTrigger0\ngenerate a marker0(0)"
    generation = script(text).start()
    samples(generation, 0, 20)
    generation.send(Wait.SCRIPT0, 0.030)
    samples(generation, 20, 20)
    assert [generation.markers(marker, 0.040) for marker in range(4)] == [3, 0, 0, 1]


def test_a_script_mode_without_a_script_puts_nothing_out():
    generation = Generator(OutputMode.SCRIPT).start()
    assert samples(generation, 0, 2) == [0.0, 0.0]


@pytest.mark.parametrize(
    "text, part",
    [
        ("", "a block with at least one instruction"),
        ("generate", "a name expected at 'end'"),
        ("generate 5", "a name expected at '5'"),
        ("wait scriptTrigger0", "'until' expected"),
        ("wait until scriptTrigger4", "a script trigger"),
        ("repeat 0\ngenerate a\nend repeat", "a count from 1"),
        ("repeat 2\nend repeat", "at least one"),
        ("repeat until\ngenerate a\nend repeat", "a script trigger"),
        ("generate a subset(1)", "2 numbers"),
        ("generate a marker0()", "a number"),
        ("if scriptTrigger0\ngenerate a\nend if", "Not simulated: script instruction 'if'"),
        ("clear scriptTrigger0", "Not simulated: script instruction 'clear'"),
        ("nonsense", "an instruction expected at 'nonsense'"),
        ("repeat 2\n" * 40 + "generate a" + "\nend repeat" * 40, "at most 32 blocks"),
    ],
)
def test_a_wrong_script_is_refused_when_it_is_written(text, part):
    with pytest.raises(DriverError, match=r"Invalid value|not supported") as caught:
        script(text)
    assert part in caught.value.description


@pytest.mark.parametrize(
    "text",
    [
        "generate c",
        "generate a subset(5, 4)",
        "generate a marker0(8)",
        "repeat 16000000\n" * 4 + "generate a" + "\nend repeat" * 4,
    ],
)
def test_a_script_that_does_not_fit_its_waveforms_is_refused_at_the_start(text):
    with pytest.raises(DriverError, match="Invalid value"):
        script(text).start()


def test_a_long_generation_keeps_little():
    text = "repeat forever\nwait until scriptTrigger0\ngenerate b\nend repeat"
    generation = script(text).start()
    for n in range(1, 2000):
        generation.send(Wait.SCRIPT0, n * 0.01)
        generation.run(n * 0.01 + 0.005, n * 0.01 + 0.005)
    assert len(generation.track.pieces) == 1000
    assert samples(generation, 19_990, 4) == FOUR
