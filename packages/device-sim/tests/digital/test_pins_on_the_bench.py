"""The real driver on a bench: static states, PPMUs, clocks, counters, and an SPI pattern."""

from __future__ import annotations

import nidigital
import pytest
from bench_text import channel, part
from digital_files import NON_RETURN, levels, pin_map, timing, write_pattern
from exact_bench import EXACT
from nidigital import PinState, PPMUMeasurementType, PPMUOutputFunction, SelectedFunction

PINS = ("CS", "SCLK", "MOSI", "MISO")
SPI = """
[[device]]
name = "U1"
class = "device_sim.duts:SpiRegisters"
pins = { cs = "CS", sclk = "SCLK", mosi = "MOSI", miso = "MISO" }
options = { registers = { 0x00 = 0x81 }, status = 0x80 }
"""
BUS = "".join(channel(f"DIG1/{number}", net) for number, net in enumerate(PINS)) + SPI
VECTORS = [
    "100X",
    "000X",
    *(f"01{out}{back}" for out, back in zip("1000000000000000", "HLLLLLLLHLLLLLLH", strict=True)),
    "000X",
    "100X",
]
CLOCK = (
    "<ReturnToLow><On>0.5 µs</On><Data>0.5 µs</Data><Return>1 µs</Return><Off>1 µs</Off>"
    "</ReturnToLow><CompareStrobe><Strobe>0.75 µs</Strobe></CompareStrobe>"
)
BIT = NON_RETURN.format(off="1 µs", strobe="0.75 µs")

RESISTORS = (
    channel("DIG1/0", "a")
    + channel("DIG1/1", "b")
    + channel("DIG1/2", "c")
    + part("Ra", "resistor", "a", "GND", value=1000.0)
    + part("Rb", "resistor", "b", "GND", value=1e6)
)


@pytest.fixture
def bench(request, bench_file):
    return bench_file(request.param)


def on(content: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bench", [content], indirect=True, ids=["bench"])


@pytest.fixture
def spi(open_digital, put, tmp_path):
    """Return a session that has loaded the SPI pattern."""
    session = open_digital("DIG1")
    connections = {f"{pin} site 0": f"DIG1/{number}" for number, pin in enumerate(PINS)}
    session.load_pin_map(put("bus.pinmap", pin_map(connections)))
    rows = {key: {"Vil": "0", "Vih": "3.3", "Vol": "1.6", "Voh": "1.7"} for key in PINS}
    edges = {pin: CLOCK if pin == "SCLK" else BIT for pin in PINS}
    session.load_specifications_levels_and_timing(
        None,
        put("bus.digilevels", levels(rows)),
        put("bus.digitiming", timing({"t0": ("1 µs", edges)})),
    )
    session.apply_levels_and_timing("bus", "bus")
    session.load_pattern(str(write_pattern(tmp_path / "read.digipat", PINS, VECTORS)))
    return session


# Patterns.


@on(BUS + EXACT)
def test_a_pattern_that_reads_an_spi_register_passes(spi):
    assert spi.burst_pattern("read") == {0: True}
    assert spi.pins[",".join(PINS)].get_fail_count() == [0, 0, 0, 0]
    assert spi.sites[0].fetch_history_ram_cycle_information(0, -1) == []


@on(BUS + EXACT)
def test_an_inverted_bit_fails_at_its_vector_and_its_pin(spi, server):
    server.bench.device("U1").registers[0] ^= 0x04

    assert spi.burst_pattern("read") == {0: False}

    assert spi.pins[",".join(PINS)].get_fail_count() == [0, 0, 0, 1]
    (failed,) = spi.sites[0].fetch_history_ram_cycle_information(0, -1)
    assert (failed.pattern_name, failed.time_set_name) == ("read", "t0")
    assert (failed.vector_number, failed.cycle_number) == (15, 15)
    assert failed.expected_pin_states == [[PinState.ZERO, PinState.ONE, PinState.ZERO, PinState.L]]
    assert failed.actual_pin_states == [[PinState.L, PinState.H, PinState.L, PinState.H]]
    assert failed.per_pin_pass_fail == [[True, True, True, False]]


@on(BUS + EXACT)
def test_a_cut_wire_fails_at_each_vector_that_expects_a_high_bit(spi, server):
    server.bench.disconnect("DIG1/3")

    assert spi.burst_pattern("read") == {0: False}

    failed = spi.sites[0].fetch_history_ram_cycle_information(0, -1)
    assert [each.vector_number for each in failed] == [2, 10, 17]
    assert {tuple(each.per_pin_pass_fail[0]) for each in failed} == {(True, True, True, False)}
    server.bench.reconnect("DIG1/3")
    assert spi.burst_pattern("read") == {0: True}


@on(BUS + EXACT)
def test_a_masked_pin_does_not_fail(spi, server):
    server.bench.disconnect("DIG1/3")
    spi.pins["MISO"].mask_compare = True

    assert spi.burst_pattern("read") == {0: True}


@on(BUS + EXACT)
def test_a_burst_that_does_not_wait_ends_at_its_time(spi, clock):
    spi.burst_pattern("read", wait_until_done=False)
    assert not spi.is_done()

    clock.advance(19e-6)
    assert not spi.is_done()
    clock.advance(2e-6)

    assert spi.is_done()
    assert spi.get_site_pass_fail() == {0: True}


@on(BUS + EXACT)
def test_an_aborted_burst_leaves_the_bench_as_it_is(spi, clock, server):
    spi.burst_pattern("read", wait_until_done=False)
    clock.advance(1.5e-6)

    spi.abort()
    clock.advance(1.0)

    assert spi.is_done()
    assert server.bench.read_nets("CS", "SCLK") == pytest.approx({"CS": 0.0, "SCLK": 0.0}, abs=1e-6)


# Static states.


@on(RESISTORS + EXACT)
def test_static_states_are_on_the_nets(open_digital, server):
    session = open_digital("DIG1")
    session.selected_function = SelectedFunction.DIGITAL
    session.channels["0-2"].configure_voltage_levels(0.4, 2.1, 0.8, 1.5, 1.0)

    session.channels["0,1"].write_static(nidigital.WriteStaticPinState.ONE)
    assert server.bench.read_nets("a")["a"] == pytest.approx(2.1 * 1000 / 1050)
    assert session.channels["0-1"].read_static() == [PinState.H, PinState.H]

    session.channels["0"].write_static(nidigital.WriteStaticPinState.ZERO)
    session.channels["1"].write_static(nidigital.WriteStaticPinState.X)
    assert server.bench.read_nets("a", "b") == pytest.approx({"a": 0.4 / 1.05, "b": 0.0}, abs=1e-6)
    assert session.channels["0-1"].read_static() == [PinState.L, PinState.L]


@on(RESISTORS + EXACT)
def test_a_disconnected_pin_is_off_the_net(open_digital, server):
    session = open_digital("DIG1")
    session.selected_function = SelectedFunction.DIGITAL
    session.channels["0"].write_static(nidigital.WriteStaticPinState.ONE)
    assert server.bench.read_nets("a")["a"] > 3.0

    session.channels["0"].selected_function = SelectedFunction.DISCONNECT

    assert server.bench.read_nets("a")["a"] == pytest.approx(0.0, abs=1e-9)


# PPMUs.


def ppmu(session, pin: str, **settings):
    """Let the PPMU of a channel source; return its readings in volts and amperes."""
    channel = session.channels[pin]
    for name, value in settings.items():
        setattr(channel, f"ppmu_{name}", value)
    channel.ppmu_source()
    (volts,) = channel.ppmu_measure(PPMUMeasurementType.VOLTAGE)
    (amperes,) = channel.ppmu_measure(PPMUMeasurementType.CURRENT)
    return volts, amperes


@on(RESISTORS)
def test_force_voltage_and_measure_current_of_a_resistor_is_within_the_accuracy(open_digital):
    session = open_digital("DIG1")

    volts, amperes = ppmu(session, "0", voltage_level=1.5, current_limit_range=2e-3)

    # 1 % of the range of 2 mA, and 4 mV, with some deviations of the noise and a step more.
    assert volts == pytest.approx(1.5, abs=4.5e-3)
    assert amperes == pytest.approx(1.5e-3, abs=2.1e-5)
    assert volts / amperes == pytest.approx(1000.0, rel=0.02)


@on(RESISTORS)
def test_force_current_and_measure_voltage_of_a_resistor_is_within_the_accuracy(open_digital):
    session = open_digital("DIG1")

    volts, amperes = ppmu(
        session,
        "0",
        output_function=PPMUOutputFunction.CURRENT,
        current_level_range=2e-3,
        current_level=2e-3,
        voltage_limit_high=5.0,
        voltage_limit_low=-1.0,
    )

    assert volts == pytest.approx(2.0, abs=4.5e-3)
    assert amperes == pytest.approx(2e-3, abs=2.1e-5)


@on(RESISTORS + EXACT)
def test_a_ppmu_holds_its_limits(open_digital):
    session = open_digital("DIG1")

    volts, amperes = ppmu(session, "0", voltage_level=5.0, current_limit_range=2e-3)
    assert (volts, amperes) == pytest.approx((2.0, 2e-3), rel=1e-9)

    volts, amperes = ppmu(
        session,
        "1",
        output_function=PPMUOutputFunction.CURRENT,
        current_level_range=2e-3,
        current_level=1e-3,
        voltage_limit_high=4.0,
    )
    assert (volts, amperes) == pytest.approx((4.0, 4e-6), rel=1e-6)


@on(RESISTORS + EXACT)
def test_an_overloaded_ppmu_reads_nan(open_digital, server):
    session = open_digital("DIG1")
    server.faults.over_range("DIG1")

    volts, amperes = ppmu(session, "0", voltage_level=1.0, current_limit_range=2e-3)

    assert volts != volts and amperes != amperes


# Clocks and counters.


@on(
    channel("DIG1/0", "a")
    + channel("DIG1/1", "b")
    + channel("DIG1/2", "c")
    + part(
        "V", "square", "a", "GND", amplitude=3.3, voltage=1.65, frequency=123456.7, resistance=50
    )
    + part("S", "source", "b", "GND", voltage=1.65, amplitude=1.0, frequency=54321.0, resistance=50)
    + part("R", "resistor", "c", "GND", value=1e6)
    + EXACT
)
def test_a_counter_measures_the_frequency_of_what_is_on_the_net(open_digital):
    session = open_digital("DIG1")
    session.selected_function = SelectedFunction.DIGITAL
    counters = session.channels["0-2"]
    counters.frequency_counter_measurement_time = 10e-3

    assert counters.frequency_counter_measure_frequency() == pytest.approx(
        [123456.7, 54321.0, 0.0], rel=1e-6
    )


@on(channel("DIG1/0", "net") + channel("DIG1/1", "net") + EXACT)
def test_a_clock_is_on_the_net_until_it_is_stopped(open_digital, server):
    session = open_digital("DIG1")
    session.selected_function = SelectedFunction.DIGITAL

    session.channels["0"].clock_generator_generate_clock(2e6)
    assert session.channels["1"].frequency_counter_measure_frequency() == pytest.approx([2e6])

    session.channels["0"].clock_generator_abort()
    assert session.channels["1"].frequency_counter_measure_frequency() == [0.0]
