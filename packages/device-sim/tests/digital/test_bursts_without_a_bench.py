"""Bursts as NI simulates them: every pattern passes on every enabled site, at once."""

from __future__ import annotations

import hightime
import nidigital
import pytest
from digital_files import write_pattern, write_source

INVALID_VALUE = -1074135024
UNKNOWN_CHANNEL = -1074135008
NOT_WRITTEN = -1074118614
FILE_FAILED = -1074135037
OTHER_OPCODE = 0x0F810000
VECTORS = ["01H", "10L", "XXX"]
SECOND = hightime.timedelta(seconds=1)


def refused(code: int, action) -> str:
    with pytest.raises(nidigital.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return caught.value.description


@pytest.fixture
def loaded(timed, tmp_path):
    """Return a session with the pattern `p`."""
    path = write_pattern(tmp_path / "p.digipat", "ABC", VECTORS, exported={"second": 1})
    timed.load_pattern(str(path))
    return timed


def test_a_pattern_passes_on_every_enabled_site(loaded):
    assert loaded.burst_pattern("p") == {0: True, 1: True}
    assert loaded.sites[1].burst_pattern("second") == {1: True}
    assert loaded.get_site_pass_fail() == {1: True}
    assert loaded.sites[0].get_site_pass_fail() == {}
    loaded.sites[1].disable_sites()
    assert loaded.burst_pattern("p") == {0: True}


def test_a_burst_is_over_at_once_even_if_it_waits_for_a_trigger(loaded):
    loaded.start_trigger_type = nidigital.TriggerType.DIGITAL_EDGE
    assert loaded.burst_pattern("p", wait_until_done=False) is None
    assert loaded.is_done()
    loaded.wait_until_done(SECOND)
    loaded.send_software_edge_trigger(nidigital.SoftwareTrigger.START, "")
    loaded.send_software_edge_trigger(
        nidigital.SoftwareTrigger.CONDITIONAL_JUMP, "conditionalJumpTrigger3"
    )
    refused(
        UNKNOWN_CHANNEL,
        lambda: loaded.send_software_edge_trigger(
            nidigital.SoftwareTrigger.CONDITIONAL_JUMP, "conditionalJumpTrigger4"
        ),
    )


def test_initiate_bursts_the_start_label_on_the_configured_sites(loaded):
    loaded.start_label = "p"
    loaded.sites[1, 0].configure_pattern_burst_sites()
    with loaded.initiate():
        loaded.wait_until_done(SECOND)
    assert loaded.get_site_pass_fail() == {0: True, 1: True}
    loaded.sites[0].configure_pattern_burst_sites()
    loaded.initiate()
    assert loaded.get_site_pass_fail() == {0: True}
    loaded.abort_keep_alive()
    loaded.abort()
    assert loaded.is_done()


def test_a_burst_selects_the_digital_function_if_asked_to(loaded):
    kinds = nidigital.SelectedFunction
    loaded.burst_pattern("p", select_digital_function=False)
    assert loaded.pins["A"].selected_function is kinds.DISCONNECT
    loaded.sites[0].burst_pattern("p")
    assert loaded.pins["site0/A"].selected_function is kinds.DIGITAL
    assert loaded.pins["site1/A"].selected_function is kinds.DISCONNECT


def test_counts_are_zero_and_the_history_ram_is_empty(loaded):
    loaded.burst_pattern("p")
    assert loaded.get_fail_count() == [0] * 64
    assert loaded.pins["A", "site1/B"].get_fail_count() == [0] * 3
    loaded.sites[1].burst_pattern("p")
    assert loaded.pins["A", "site1/B", "S"].get_fail_count() == [0] * 3  # without site 0
    assert loaded.sites[0].get_history_ram_sample_count() == 0
    assert loaded.sites[0].fetch_history_ram_cycle_information(0, -1) == []
    refused(INVALID_VALUE, lambda: loaded.get_history_ram_sample_count())


def test_patterns_are_known_by_names_labels_and_pins(loaded, tmp_path):
    assert loaded.get_pattern_pin_names("p") == ["A", "B", "C"]
    assert loaded.get_pattern_pin_names("second") == ["A", "B", "C"]
    assert "Loaded patterns: p" in refused(INVALID_VALUE, lambda: loaded.burst_pattern("q"))
    loaded.unload_all_patterns()
    refused(INVALID_VALUE, lambda: loaded.burst_pattern("p"))
    path = write_pattern(tmp_path / "w.digipat", "AQ", ["01", "XX"])
    assert "the pin Q" in refused(INVALID_VALUE, lambda: loaded.load_pattern(str(path)))


def test_a_burst_needs_a_pin_map(open_digital):
    session = open_digital("DIG1")
    assert "Load one first" in refused(INVALID_VALUE, lambda: session.burst_pattern("p"))


def test_a_file_outside_the_roots_or_of_another_kind_is_refused(timed, tmp_path, put):
    assert "outside the device server's folders" in refused(
        FILE_FAILED, lambda: timed.load_pattern("/etc/p.digipat")
    )
    other = put("p.txt", "")
    assert "not the name of a compiled pattern" in refused(
        FILE_FAILED, lambda: timed.load_pattern(other)
    )
    refused(FILE_FAILED, lambda: timed.load_pattern(str(tmp_path / "none.digipat")))


# Waveforms.


@pytest.fixture
def moving(timed, tmp_path):
    """Return a session with a pattern that sources `s` and captures `c`."""
    path = write_pattern(
        tmp_path / "p.digipat",
        "ABC",
        VECTORS,
        instructions={1: OTHER_OPCODE},
        sources=["s"],
        captures=["c"],
    )
    timed.load_pattern(str(path))
    timed.pins["C"].create_capture_waveform_serial("c", 8, nidigital.BitOrder.MSB)
    return timed


def test_a_pattern_is_refused_until_its_source_waveform_has_samples(moving):
    told = refused(NOT_WRITTEN, lambda: moving.burst_pattern("p"))
    assert told.startswith("The source waveform(s) used in the pattern(s) to be burst have not")
    moving.pins["AB"].create_source_waveform_parallel("s", nidigital.SourceDataMapping.BROADCAST)
    refused(NOT_WRITTEN, lambda: moving.burst_pattern("p"))
    moving.write_source_waveform_broadcast("s", [1, 2, 3])
    assert moving.burst_pattern("p") == {0: True, 1: True}


def test_site_unique_samples_count_for_their_sites(moving):
    unique = nidigital.SourceDataMapping.SITE_UNIQUE
    moving.pins["A"].create_source_waveform_serial("s", unique, 8, nidigital.BitOrder.LSB)
    moving.write_source_waveform_site_unique("s", {1: [1, 2]})
    assert moving.sites[1].burst_pattern("p") == {1: True}
    refused(NOT_WRITTEN, lambda: moving.burst_pattern("p"))
    moving.write_source_waveform_site_unique("s", {0: [1, 2], 1: [3, 4]})
    assert moving.burst_pattern("p") == {0: True, 1: True}
    refused(INVALID_VALUE, lambda: moving.write_source_waveform_broadcast("other", [1]))


def test_waveforms_come_from_files(moving, tmp_path):
    path = write_source(
        tmp_path / "s.tdms", "s", {0: [1, 2]}, PinItems="A", DataMapping="Broadcast"
    )
    moving.create_source_waveform_from_file_tdms("s", str(path), write_waveform_data=False)
    refused(NOT_WRITTEN, lambda: moving.burst_pattern("p"))
    moving.write_source_waveform_data_from_file_tdms("s", str(path))
    assert moving.burst_pattern("p") == {0: True, 1: True}
    capture = write_source(tmp_path / "c.digicapture", "c", {}, PinItems="C")
    moving.create_capture_waveform_from_file_digicapture("c", str(capture))
    fetched = moving.fetch_capture_waveform("c", 3)
    assert {site: list(samples) for site, samples in fetched.items()} == {0: [0] * 3, 1: [0] * 3}


def test_as_many_samples_are_fetched_as_are_asked_for_from_the_sites_of_the_burst(moving):
    moving.pins["AB"].create_source_waveform_parallel("s", nidigital.SourceDataMapping.BROADCAST)
    moving.write_source_waveform_broadcast("s", [1])
    moving.sites[1].burst_pattern("p")
    fetched = moving.fetch_capture_waveform("c", 256)
    assert {site: len(samples) for site, samples in fetched.items()} == {1: 256}
    refused(INVALID_VALUE, lambda: moving.fetch_capture_waveform("c", 2**30))
    refused(INVALID_VALUE, lambda: moving.fetch_capture_waveform("d", 1))


# The sequencer, static states, the PPMU and clocks.


def test_flags_and_registers_keep_what_is_written(mapped):
    flag, register = nidigital.SequencerFlag.FLAG2, nidigital.SequencerRegister.REGISTER15
    assert not mapped.read_sequencer_flag(flag)
    assert mapped.read_sequencer_register(register) == 0
    mapped.write_sequencer_flag(flag, True)
    mapped.write_sequencer_register(register, 65535)
    assert mapped.read_sequencer_flag(flag)
    assert mapped.read_sequencer_register(register) == 65535
    refused(INVALID_VALUE, lambda: mapped.write_sequencer_register(register, 65536))
    mapped.reset()
    assert mapped.read_sequencer_register(register) == 0


def test_comparators_find_low_whatever_is_written(timed):
    pins = timed.pins["A", "site1/B"]
    pins.selected_function = nidigital.SelectedFunction.DIGITAL
    pins.write_static(nidigital.WriteStaticPinState.ONE)
    assert pins.read_static() == [nidigital.PinState.L] * 3


def test_a_ppmu_measures_the_level_that_it_sources(timed):
    pin, kinds = timed.pins["site0/A"], nidigital.PPMUMeasurementType
    pin.ppmu_voltage_level = 1.25
    assert pin.ppmu_measure(kinds.VOLTAGE) == [0.0]
    pin.ppmu_source()
    assert pin.selected_function is nidigital.SelectedFunction.PPMU
    assert pin.ppmu_measure(kinds.VOLTAGE) == [1.25]
    assert pin.ppmu_measure(kinds.CURRENT) == [0.0]
    pin.ppmu_output_function = nidigital.PPMUOutputFunction.CURRENT
    pin.ppmu_current_level = 1e-6
    assert pin.ppmu_measure(kinds.CURRENT) == [1e-6]
    pin.selected_function = nidigital.SelectedFunction.OFF
    told = refused(INVALID_VALUE, lambda: pin.ppmu_measure(kinds.CURRENT))
    assert "DIG1/0 does not source" in told
    pin.selected_function = nidigital.SelectedFunction.PPMU
    refused(INVALID_VALUE, lambda: pin.ppmu_measure(kinds.CURRENT))


def test_ranges_of_the_ppmu_go_up_to_the_next_that_the_model_has(timed):
    pin = timed.pins["A"]
    pin.ppmu_current_limit_range = 3e-6
    assert pin.ppmu_current_limit_range == 32e-6
    with pytest.raises(nidigital.errors.DriverError):
        pin.ppmu_current_limit_range = 1.0


def test_a_clock_runs_until_it_is_aborted(timed):
    timed.pins["A"].clock_generator_generate_clock(2e6)
    assert timed.pins["site1/A"].clock_generator_is_running
    assert timed.pins["A"].clock_generator_frequency == 2e6
    assert timed.pins["A"].selected_function is nidigital.SelectedFunction.DIGITAL
    assert not timed.pins["B"].clock_generator_is_running
    timed.pins["site1/A"].clock_generator_abort()
    assert not timed.pins["site1/A"].clock_generator_is_running
    assert timed.pins["site0/A"].clock_generator_is_running
    assert timed.pins["A"].frequency_counter_measure_frequency() == [0.0, 0.0]


def test_reset_forgets_all_but_the_session(loaded):
    loaded.burst_pattern("p")
    loaded.vih = 2.0
    loaded.reset()
    assert loaded.vih == 3.3
    assert loaded.get_site_pass_fail() == {}
    refused(UNKNOWN_CHANNEL, lambda: loaded.pins["A"].read_static())
    refused(INVALID_VALUE, lambda: loaded.get_time_set_period("t0"))
    refused(INVALID_VALUE, lambda: loaded.get_pattern_pin_names("p"))


def test_signals_are_exported_by_properties_of_their_instances(mapped):
    event = mapped.pattern_opcode_events[3]
    assert event.exported_pattern_opcode_event_output_terminal == ""
    event.exported_pattern_opcode_event_output_terminal = "/Dev1/PXI_Trig0"
    assert event.exported_pattern_opcode_event_output_terminal == "/Dev1/PXI_Trig0"
    assert mapped.pattern_opcode_events[2].exported_pattern_opcode_event_output_terminal == ""
    jump = mapped.conditional_jump_triggers[1]
    assert jump.conditional_jump_trigger_type is nidigital.TriggerType.NONE


def test_each_instrument_has_its_own_delay_serial_number_and_firmware(open_digital):
    session = open_digital("DIG1,DIG2")
    delays = [hightime.timedelta(seconds=5e-9), hightime.timedelta(seconds=-5e-9)]
    for device, delay in zip(("DIG1", "DIG2"), delays, strict=True):
        session.instruments[device].timing_absolute_delay = delay
    assert [session.instruments[d].timing_absolute_delay for d in ("DIG1", "DIG2")] == delays
    assert session.instruments["DIG2"].serial_number == "0"
    assert session.instruments["DIG2"].instrument_firmware_revision == "0.0.0d0"
