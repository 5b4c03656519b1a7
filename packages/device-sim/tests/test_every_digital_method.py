"""Every public method of nidigital.Session is called through the real class.

`DIGITAL` has a call for each. A method of the installed package that it lacks fails the test.
The modules in the folder `digital` test the behavior in depth.
"""

from __future__ import annotations

import hightime
import nidigital
import pytest
from digital_files import NON_RETURN, levels, pin_map, timing, write_pattern, write_source
from session_methods import locks, public_methods

PERIOD = hightime.timedelta(microseconds=1)
EDGES = [hightime.timedelta(seconds=0)] * 6
ONE = nidigital.WriteStaticPinState.ONE
LSB = nidigital.BitOrder.LSB
BROADCAST = nidigital.SourceDataMapping.BROADCAST


def time_sets(session, tmp_path):
    session.create_time_set("t")
    session.configure_time_set_period("t", PERIOD)
    assert session.get_time_set_period("t") == PERIOD
    pin, edge = session.pins["A"], nidigital.TimeSetEdgeType.DRIVE_ON
    pin.configure_time_set_compare_edges_strobe("t", EDGES[0])
    pin.configure_time_set_compare_edges_strobe2x("t", *EDGES[:2])
    pin.configure_time_set_drive_edges("t", nidigital.DriveFormat.NR, *EDGES[:4])
    pin.configure_time_set_drive_edges2x("t", nidigital.DriveFormat.NR, *EDGES)
    pin.configure_time_set_drive_format("t", nidigital.DriveFormat.RL)
    pin.configure_time_set_edge("t", edge, EDGES[0])
    pin.configure_time_set_edge_multiplier("t", 2)
    assert pin.get_time_set_edge("t", edge) == EDGES[0]
    assert pin.get_time_set_drive_format("t") is nidigital.DriveFormat.RL
    assert pin.get_time_set_edge_multiplier("t") == 2
    session.delete_all_time_sets()


def sheets(session, tmp_path):
    files = [tmp_path / name for name in ("s.specs", "l.digilevels", "t.digitiming")]
    files[0].write_text("<Specifications/>")
    files[1].write_text(levels({"A": {"Vil": "0"}}))
    edges = NON_RETURN.format(off="1 µs", strobe="0.5 µs")
    files[2].write_text(timing({"t0": ("1 µs", {"A": edges})}), encoding="utf-8")
    session.load_specifications_levels_and_timing(*map(str, files))
    session.apply_levels_and_timing("l", "t", initial_state_high_pins="A")
    session.unload_specifications(str(files[0]))


def bursts(session, tmp_path):
    pattern = write_pattern(tmp_path / "p.digipat", "A", ["0", "X"])
    session.load_pattern(str(pattern))
    assert session.get_pattern_pin_names("p") == ["A"]
    assert session.burst_pattern("p") == {0: True}
    assert session.get_site_pass_fail() == {0: True}
    assert session.pins["A"].get_fail_count() == [0]
    assert session.sites[0].get_history_ram_sample_count() == 0
    assert session.sites[0].fetch_history_ram_cycle_information(0, -1) == []
    session.start_label = "p"
    session.configure_pattern_burst_sites()
    session.commit()
    with session.initiate():
        session.send_software_edge_trigger(nidigital.SoftwareTrigger.START, "")
        session.wait_until_done()
        assert session.is_done()
    session.abort_keep_alive()
    session.unload_all_patterns()


def waveforms(session, tmp_path):
    pin = session.pins["A"]
    pin.create_source_waveform_parallel("s", BROADCAST)
    pin.create_source_waveform_serial("s", BROADCAST, 8, LSB)
    session.write_source_waveform_broadcast("s", [1, 2])
    session.write_source_waveform_site_unique("s", {0: [1, 2]})
    source = str(write_source(tmp_path / "s.tdms", "s", {0: [1]}, PinItems="A"))
    session.create_source_waveform_from_file_tdms("s", source)
    session.write_source_waveform_data_from_file_tdms("s", source)
    pin.create_capture_waveform_parallel("c")
    pin.create_capture_waveform_serial("c", 8, LSB)
    capture = str(write_source(tmp_path / "c.digicapture", "c", {}, PinItems="A"))
    session.create_capture_waveform_from_file_digicapture("c", capture)
    assert session.fetch_capture_waveform("c", 1) == {}  # before a burst


def sites(session, tmp_path):
    session.disable_sites()
    assert not session.sites[0].is_site_enabled()
    session.enable_sites()
    assert session.sites[0].is_site_enabled()


def statics(session, tmp_path):
    session.write_static(ONE)
    assert session.read_static() == [nidigital.PinState.L] * 32


def ppmu(session, tmp_path):
    session.ppmu_source()
    assert session.ppmu_measure(nidigital.PPMUMeasurementType.VOLTAGE) == [0.0] * 32


def delays(session, tmp_path):
    session.apply_tdr_offsets(session.tdr(apply_offsets=False))


def clocks(session, tmp_path):
    session.clock_generator_generate_clock(1e6)
    session.clock_generator_abort()


def sequencer(session, tmp_path):
    session.write_sequencer_flag(nidigital.SequencerFlag.FLAG0, True)
    assert session.read_sequencer_flag(nidigital.SequencerFlag.FLAG0)
    session.write_sequencer_register(nidigital.SequencerRegister.REGISTER0, 7)
    assert session.read_sequencer_register(nidigital.SequencerRegister.REGISTER0) == 7


def not_over_grpc(session, tmp_path):
    with pytest.raises((NotImplementedError, AttributeError)):
        session.enable_match_fail_combination(session)


DIGITAL = {
    "abort": lambda s, _: s.abort(),
    "abort_keep_alive": bursts,
    "apply_levels_and_timing": sheets,
    "apply_tdr_offsets": delays,
    "burst_pattern": bursts,
    "clock_generator_abort": clocks,
    "clock_generator_generate_clock": clocks,
    "close": lambda s, _: s.close(),
    "commit": bursts,
    "configure_active_load_levels": lambda s, _: s.configure_active_load_levels(1e-3, -1e-3, 1),
    "configure_pattern_burst_sites": bursts,
    "configure_time_set_compare_edges_strobe": time_sets,
    "configure_time_set_compare_edges_strobe2x": time_sets,
    "configure_time_set_drive_edges": time_sets,
    "configure_time_set_drive_edges2x": time_sets,
    "configure_time_set_drive_format": time_sets,
    "configure_time_set_edge": time_sets,
    "configure_time_set_edge_multiplier": time_sets,
    "configure_time_set_period": time_sets,
    "configure_voltage_levels": lambda s, _: s.configure_voltage_levels(0, 2, 0.5, 1.5, 1),
    "create_capture_waveform_from_file_digicapture": waveforms,
    "create_capture_waveform_parallel": waveforms,
    "create_capture_waveform_serial": waveforms,
    "create_source_waveform_from_file_tdms": waveforms,
    "create_source_waveform_parallel": waveforms,
    "create_source_waveform_serial": waveforms,
    "create_time_set": time_sets,
    "delete_all_time_sets": time_sets,
    "disable_sites": sites,
    "enable_match_fail_combination": not_over_grpc,
    "enable_sites": sites,
    "fetch_capture_waveform": waveforms,
    "fetch_history_ram_cycle_information": bursts,
    "frequency_counter_measure_frequency": lambda s, _: s.frequency_counter_measure_frequency(),
    "get_channel_names": lambda s, _: s.get_channel_names([0, 31]),
    "get_fail_count": bursts,
    "get_history_ram_sample_count": bursts,
    "get_pattern_pin_names": bursts,
    "get_pin_results_pin_information": lambda s, _: s.get_pin_results_pin_information(),
    "get_site_pass_fail": bursts,
    "get_time_set_drive_format": time_sets,
    "get_time_set_edge": time_sets,
    "get_time_set_edge_multiplier": time_sets,
    "get_time_set_period": time_sets,
    "initiate": bursts,
    "is_done": bursts,
    "is_site_enabled": sites,
    "load_pattern": bursts,
    "load_pin_map": lambda s, _: None,  # The fixture does.
    "load_specifications_levels_and_timing": sheets,
    "lock": locks,
    "ppmu_measure": ppmu,
    "ppmu_source": ppmu,
    "read_sequencer_flag": sequencer,
    "read_sequencer_register": sequencer,
    "read_static": statics,
    "reset": lambda s, _: s.reset(),
    "reset_device": lambda s, _: s.reset_device(),
    "self_calibrate": lambda s, _: s.self_calibrate(),
    "self_test": lambda s, _: s.self_test(),
    "send_software_edge_trigger": bursts,
    "tdr": delays,
    "unload_all_patterns": bursts,
    "unload_specifications": sheets,
    "unlock": locks,
    "wait_until_done": bursts,
    "write_sequencer_flag": sequencer,
    "write_sequencer_register": sequencer,
    "write_source_waveform_broadcast": waveforms,
    "write_source_waveform_data_from_file_tdms": waveforms,
    "write_source_waveform_site_unique": waveforms,
    "write_static": statics,
}


def test_the_table_has_every_public_method():
    assert set(DIGITAL) == public_methods(nidigital.Session)


@pytest.mark.parametrize("name", sorted(DIGITAL))
def test_a_method_works(open_digital, tmp_path, name):
    session = open_digital()
    path = tmp_path / "pins.pinmap"
    path.write_text(pin_map({"A site 0": "DIG1/0"}), encoding="utf-8")
    session.load_pin_map(str(path))
    DIGITAL[name](session, tmp_path)
