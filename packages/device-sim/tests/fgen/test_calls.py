"""Generators as NI's public system tests use them, with the real nifgen package."""

from __future__ import annotations

import datetime
import math
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hightime
import nifgen
import numpy as np
import pytest
from nifgen import (
    ByteOrder,
    DataMarkerEventLevelPolarity,
    HardwareState,
    OutputMode,
    RelativeTo,
    ScriptTriggerDigitalEdgeEdge,
    StartTriggerType,
    Trigger,
    TriggerMode,
    Waveform,
)

INVALID = -1074135024
NOT_SERVED = -1074135023
NO_ATTRIBUTE = -1074135022
READ_ONLY = -1074135027
TOO_LARGE = -1074101596
RAMP = [n / 256.0 for n in range(256)]


def refused(code: int, action: Any) -> str:
    """Check that the driver answers `action` with this error code. Return its text."""
    with pytest.raises(nifgen.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    return str(caught.value.description)


@pytest.fixture
def session(open_fgen) -> nifgen.Session:
    return open_fgen("", "0")


# Sessions.


def test_a_generator_needs_no_name_and_has_its_model(session):
    assert session.instrument_model == "NI PXIe-5433 (2CH)"
    assert session.simulate
    assert session.channel_count == 1
    assert session.get_channel_name(1) == "0"
    session.self_test()


@pytest.mark.parametrize("channels", [[0, 1], range(2), "0,1", None])
def test_channels_are_written_in_many_ways(open_fgen, channels):
    assert open_fgen("", channels).channel_count == 2


@pytest.mark.parametrize("model", ["5433 (2CH)", "5423 (2CH)", "5413 (1CH)"])
def test_models_have_their_channels_and_bandwidth(open_fgen, model):
    session = open_fgen(model=model)
    assert session.instrument_model == f"NI PXIe-{model}"
    assert session.channel_count == int(model[6])
    session.func_frequency = 20e6
    refused(INVALID, lambda: setattr(session, "func_frequency", 81e6))


def test_an_unknown_model_is_refused(open_fgen):
    text = refused(-1074134964, lambda: open_fgen("", model="invalid_model (2CH)"))
    assert "unknown option value" in text
    assert "5433 (2CH)" in text


def test_what_is_read_only_cannot_be_written(session):
    text = refused(READ_ONLY, lambda: setattr(session, "instrument_model", ""))
    assert "Attribute is read-only." in text


def test_clients_that_race_for_a_name_share_one_session(open_fgen, server):
    with ThreadPoolExecutor(32) as pool:
        sessions = list(pool.map(lambda _: open_fgen("FGEN1", name="shared"), range(32)))
    assert [session.name for session in server.sessions] == ["shared"]
    handles = [session.create_waveform(RAMP) for session in sessions]
    assert handles == list(range(32))


def test_many_sessions_at_once_do_not_disturb_each_other(open_fgen):
    sessions = [open_fgen(f"FGEN{n}") for n in range(64)]

    def use(number: int) -> bool:
        session = sessions[number]
        session.output_mode = OutputMode.FUNC
        session.configure_standard_waveform(Waveform.SINE, 1.0, 1000.0 + number)
        with session.initiate():
            running = not session.is_done()
        return running and session.func_frequency == 1000.0 + number

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(use, range(64)))


def test_attach_and_new_sessions_follow_their_behaviour(open_fgen):
    attach = nifgen.SessionInitializationBehavior.ATTACH_TO_SERVER_SESSION
    new = nifgen.SessionInitializationBehavior.INITIALIZE_SERVER_SESSION
    with pytest.raises(nifgen.errors.RpcError):
        open_fgen(name="one", behavior=attach)
    open_fgen(name="one", behavior=new).arb_gain = 3.0
    assert open_fgen(name="one", behavior=attach).arb_gain == 3.0
    with pytest.raises(nifgen.errors.RpcError):
        open_fgen(name="one", behavior=new)
    assert open_fgen().arb_gain == 1.0


# Attributes.


def test_defaults_are_those_of_nis_simulation(session):
    assert session.output_mode is OutputMode.ARB
    assert session.trigger_mode is TriggerMode.CONTINUOUS
    assert session.arb_sample_rate == 250e6
    assert session.output_enabled
    assert session.markers[0].marker_event_output_terminal == ""
    assert session.script_triggers[0].exported_script_trigger_output_terminal == ""
    polarity = session.data_markers[0].data_marker_event_level_polarity
    assert polarity is DataMarkerEventLevelPolarity.HIGH


@pytest.mark.parametrize("reset", ["reset", "reset_device", "reset_with_defaults"])
def test_a_reset_restores_them(session, reset):
    session.output_mode = OutputMode.SEQ
    session.trigger_mode = TriggerMode.STEPPED
    session.arb_sample_rate = 100e6
    session.create_waveform(RAMP)
    getattr(session, reset)()
    assert session.output_mode is OutputMode.ARB
    assert session.trigger_mode is TriggerMode.CONTINUOUS
    assert session.arb_sample_rate == 250e6
    assert session.create_waveform(RAMP) == 0


def test_markers_and_triggers_have_their_own_attributes(session):
    session.markers[0].marker_event_output_terminal = "/Dev1/PXI_Trig0"
    session.script_triggers[2].exported_script_trigger_output_terminal = "/Dev1/PXI_Trig2"
    session.data_markers[1].data_marker_event_level_polarity = DataMarkerEventLevelPolarity.LOW
    assert session.markers[0].marker_event_output_terminal == "/Dev1/PXI_Trig0"
    assert session.markers[1].marker_event_output_terminal == ""
    terminals = [
        session.script_triggers[n].exported_script_trigger_output_terminal for n in range(4)
    ]
    assert terminals == ["", "", "/Dev1/PXI_Trig2", ""]
    first = session.data_markers[0].data_marker_event_level_polarity
    assert first is DataMarkerEventLevelPolarity.HIGH


def test_channels_have_their_own_attributes(open_fgen):
    session = open_fgen()
    session.func_amplitude = 0.5
    assert session.channels[0:1].func_amplitude == 0.5
    session.channels[0].func_amplitude = 1.0
    assert session.channels[0].func_amplitude == 1.0
    assert session.channels[1].func_amplitude == 0.5


def test_disable_switches_the_outputs_off(open_fgen):
    session = open_fgen()
    session.disable()
    assert [session.channels[n].output_enabled for n in range(2)] == [False, False]


def test_streams_are_refused(session):
    refused(NO_ATTRIBUTE, lambda: setattr(session, "streaming_waveform_handle", 1))
    refused(NO_ATTRIBUTE, lambda: session.streaming_space_available_in_waveform)


def test_a_configuration_is_exported_and_imported(session, tmp_path):
    session.arb_gain = 2.0
    exported = session.export_attribute_configuration_buffer()
    session.export_attribute_configuration_file(str(tmp_path / "fgen.txt"))
    session.arb_gain = 3.0
    session.import_attribute_configuration_buffer(exported)
    assert session.arb_gain == 2.0
    session.arb_gain = 3.0
    session.import_attribute_configuration_file(str(tmp_path / "fgen.txt"))
    assert session.arb_gain == 2.0


# Facts.


def test_the_capabilities_are_those_of_nis_simulation(session):
    assert session.query_arb_wfm_capabilities() == (4194304, 1, 4, 268435456)
    assert session.query_arb_seq_capabilities()[0::3] == (65535, 16777215)
    lists = (9999, 1, 1024, hightime.timedelta(seconds=1e-8), 2814749.76711, 1e-8)
    got = session.query_freq_list_capabilities()
    assert [getattr(v, "total_seconds", lambda v=v: v)() for v in got] == pytest.approx(
        [getattr(v, "total_seconds", lambda v=v: v)() for v in lists]
    )


def test_calibration_is_that_of_nis_simulation(session):
    before = datetime.datetime.now().replace(second=0, microsecond=0)
    assert session.get_self_cal_supported()
    assert before <= session.get_self_cal_last_date_and_time() <= datetime.datetime.now()
    session.self_cal()
    assert session.get_self_cal_last_temp() == 0.0
    assert session.read_current_temperature() > 25.0
    assert session.get_ext_cal_recommended_interval().days == 730
    refused(-1074118632, session.get_ext_cal_last_date_and_time)
    refused(NOT_SERVED, session.get_ext_cal_last_temp)


# Standard functions and frequency lists.


def test_a_standard_function_runs_until_it_is_aborted(session):
    session.output_mode = OutputMode.FUNC
    session.configure_standard_waveform(Waveform.SINE, 2.0, 2e6, 1.0, 0.0)
    assert session.get_hardware_state() is HardwareState.IDLE
    assert session.is_done()
    with session.initiate():
        assert session.func_amplitude == 2.0
        assert session.func_waveform is Waveform.SINE
        assert session.func_frequency == 2e6
        assert session.func_dc_offset == 1.0
        assert session.func_start_phase == 0.0
        assert not session.is_done()
        assert session.get_hardware_state() is HardwareState.RUNNING
        session.wait_until_done(hightime.timedelta(milliseconds=20))
    assert session.get_hardware_state() is HardwareState.IDLE


def test_a_frequency_list_sets_its_function(session):
    session.output_mode = OutputMode.FREQ_LIST
    handle = session.create_freq_list(Waveform.SQUARE, [1000.0, 100900.0], [0.01, 0.01])
    session.configure_freq_list(handle, 2.0, 0, 0)
    assert session.func_waveform is Waveform.SQUARE
    assert session.func_amplitude == 2.0
    with session.initiate():
        assert not session.is_done()
    session.clear_freq_list(handle)
    refused(INVALID, lambda: session.clear_freq_list(handle))
    session.clear_freq_list(-1)
    refused(INVALID, session.initiate)


@pytest.mark.parametrize(
    "frequencies, durations",
    [([], []), ([1.0], [1e-9]), ([1e9], [1.0]), ([1.0] * 1025, [1.0] * 1025), ([1.0], [math.nan])],
)
def test_a_wrong_frequency_list_is_refused(session, frequencies, durations):
    refused(INVALID, lambda: session.create_freq_list(Waveform.SINE, frequencies, durations))


def test_the_users_own_function_must_be_defined_first(session):
    session.output_mode = OutputMode.FUNC
    session.configure_standard_waveform(Waveform.USER, 1.0, 2e6, 1.0, 0.0)
    assert "define_user_standard_waveform" in refused(INVALID, session.initiate)
    session.define_user_standard_waveform([1] * 8192)
    with session.initiate():
        assert not session.is_done()
    session.clear_user_standard_waveform()
    refused(INVALID, session.initiate)


# Waveforms.


def test_waveforms_have_handles_in_turn(session):
    assert [session.create_waveform(RAMP) for _ in range(3)] == [0, 1, 2]
    assert session.allocate_waveform(100) == 3
    session.delete_waveform(1)
    refused(INVALID, lambda: session.delete_waveform(1))
    session.configure_arb_waveform(2, 1.0, 0.0)
    with session.initiate():
        assert not session.is_done()
    session.clear_arb_memory()
    session.delete_waveform(-1)
    refused(INVALID, session.initiate)


def test_memory_is_finite(session):
    refused(TOO_LARGE, lambda: session.allocate_waveform(2_000_000_000))
    refused(INVALID, lambda: session.allocate_waveform(3))
    session.allocate_waveform(100)
    assert session.max_waveform_size == 268435456 - 100
    refused(TOO_LARGE, lambda: session.allocate_waveform(268435456))


def test_waveforms_are_written_part_by_part(session):
    handle = session.allocate_waveform(10)
    session.write_waveform(handle, [0.5] * 4)
    session.set_next_write_position(handle, RelativeTo.CURRENT, 2)
    session.write_waveform(handle, [0.5] * 4)
    refused(INVALID, lambda: session.write_waveform(handle, [0.5]))
    session.set_next_write_position(handle, RelativeTo.START, 5)
    refused(INVALID, lambda: session.write_waveform(handle, [0.5] * 6))
    refused(INVALID, lambda: session.set_next_write_position(handle, RelativeTo.START, 11))


def test_waveforms_have_names(session):
    session.allocate_named_waveform("Waveform", 4096)
    session.set_next_write_position("Waveform", RelativeTo.START, 0)
    session.write_waveform("Waveform", RAMP)
    session.write_waveform("Waveform", [-value for value in RAMP])
    session.delete_waveform("Waveform")
    refused(INVALID, lambda: session.delete_waveform("Waveform"))
    session.write_waveform("new", RAMP)  # This creates it.
    refused(INVALID, lambda: session.allocate_named_waveform("new", 256))


@pytest.mark.parametrize("data", [[1.5] * 8, [math.nan] * 8, [0.1] * 3])
def test_wrong_samples_are_refused(session, data):
    refused(INVALID, lambda: session.create_waveform(data))


@pytest.mark.parametrize(
    "data", ["Not waveform data", np.zeros(100, np.uint16), np.zeros(100, np.float32), 42, 3.14159]
)
def test_what_is_no_waveform_is_refused_by_the_package(session, data):
    with pytest.raises((TypeError, ValueError)):
        session.create_waveform(data)
    handle = session.allocate_waveform(100)
    with pytest.raises((TypeError, ValueError)):
        session.write_waveform(handle, data)


@pytest.mark.parametrize("order, prefix", [(ByteOrder.BIG, ">"), (ByteOrder.LITTLE, "<")])
def test_waveforms_come_from_files(session, tmp_path, order, prefix):
    sine = np.sin(np.arange(1000) / 100.0)
    integers, doubles = tmp_path / "integers.bin", tmp_path / "doubles.bin"
    integers.write_bytes((sine * 32767).astype(f"{prefix}i2").tobytes())
    doubles.write_bytes(sine.astype(f"{prefix}f8").tobytes())
    assert session.create_waveform_from_file_i16(str(integers), order) == 0
    assert session.create_waveform_from_file_f64(str(doubles), order) == 1
    refused(INVALID, lambda: session.create_waveform_from_file_f64(str(integers), order))


def test_files_that_are_no_waveforms_are_refused(session, tmp_path):
    (tmp_path / "odd.bin").write_bytes(b"123456789")
    (tmp_path / "secret.key").write_bytes(bytes(100))
    (tmp_path / "fgen.txt").write_bytes(bytes(100))
    read = session.create_waveform_from_file_i16
    refused(INVALID, lambda: read(str(tmp_path / "odd.bin"), ByteOrder.BIG))
    for name in ("secret.key", "fgen.txt", "missing.bin", "../above.bin"):
        refused(-1074135037, lambda name=name: read(str(tmp_path / name), ByteOrder.BIG))


def test_a_waveform_belongs_to_its_channels(open_fgen):
    session = open_fgen()
    session.channels[0].create_waveform(RAMP)
    assert "no samples for the channel 1" in refused(INVALID, session.initiate)
    session.channels[1].output_enabled = False
    with session.initiate():
        assert not session.is_done()
    session.output_enabled = True
    session.channels[1].write_waveform("both", RAMP)
    session.channels[0].write_waveform("both", RAMP)
    session.output_mode = OutputMode.SCRIPT
    session.write_script("script s\ngenerate both\nend script")
    session.script_to_generate = "s"
    with session.initiate():
        session.wait_until_done()


# Sequences.


def test_sequences_have_handles_in_turn(session):
    handles = [session.create_waveform(RAMP) for _ in range(3)]
    assert session.create_arb_sequence(handles[:1], [10]) == 0
    assert session.create_arb_sequence(handles[:1], [10]) == 1
    session.output_mode = OutputMode.SEQ
    session.configure_arb_sequence(1, 1.0, 0.0)
    with session.initiate():
        assert not session.is_done()
    session.clear_arb_sequence(1)
    refused(INVALID, session.initiate)
    session.clear_arb_sequence(-1)


def test_advanced_sequences_return_their_markers(session):
    handles = [session.create_waveform(RAMP) for _ in range(3)]
    loops, counts, markers = [10, 20, 30], [256, 128, 64], [0, 16, 32]
    create = session.create_advanced_arb_sequence
    assert create(handles, loop_counts_array=loops) == ([], 0)
    assert create(handles, loop_counts_array=loops, sample_counts_array=counts) == ([], 1)
    assert create(handles, loop_counts_array=loops, marker_location_array=markers) == (markers, 2)
    assert create(handles, loops, counts, markers) == (markers, 3)
    with pytest.raises(ValueError, match="Length of marker_location_array and"):
        create(handles, loop_counts_array=loops, marker_location_array=[0, 16])


def test_a_wrong_sequence_is_refused(session):
    handle = session.create_waveform(RAMP)
    create = session.create_advanced_arb_sequence
    for arguments in (
        ([], []),
        ([handle + 1], [1]),
        ([handle], [0]),
        ([handle], [2**24]),
        ([handle], [1], [257]),
        ([handle], [1], [256], [256]),
    ):
        refused(INVALID, lambda arguments=arguments: create(*arguments))


def test_the_sequences_of_the_channels_must_fit_each_other(open_fgen):
    session = open_fgen()
    long, short = session.create_waveform(RAMP), session.create_waveform(RAMP[:128])
    sequences = [session.create_arb_sequence([each], [2]) for each in (long, short)]
    session.output_mode = OutputMode.SEQ
    for channel, handle in enumerate(sequences):
        session.channels[channel].configure_arb_sequence(handle, 1.0, 0.0)
    assert "differ in lengths" in refused(INVALID, session.initiate)
    session.channels[1].configure_arb_sequence(sequences[0], 1.0, 0.0)
    with session.initiate():
        assert not session.is_done()


# Scripts and triggers.

SCRIPT = """script myScript0
repeat until scriptTrigger0
Generate wfmSine
end repeat
end script"""


def test_a_script_ends_at_its_software_trigger(session, clock):
    session.output_mode = OutputMode.SCRIPT
    session.script_triggers[0].digital_edge_script_trigger_source = "PFI0"
    rising = ScriptTriggerDigitalEdgeEdge.RISING
    session.script_triggers[0].digital_edge_script_trigger_edge = rising
    session.write_waveform("wfmSine", RAMP)
    session.arb_sample_rate = 10e6
    session.write_script(SCRIPT)
    session.script_to_generate = "myScript0"
    session.commit()
    with session.initiate():
        clock.advance(1.0)
        assert session.get_hardware_state() is HardwareState.RUNNING
        session.send_software_edge_trigger(Trigger.SCRIPT, "ScriptTrigger0")
        clock.advance(1.0)
        assert session.get_hardware_state() is HardwareState.DONE
        assert session.is_done()
    session.delete_script("myScript0")
    refused(INVALID, session.commit)
    refused(INVALID, lambda: session.delete_script("myScript0"))


def test_a_start_trigger_is_waited_for(session, clock):
    session.create_waveform(RAMP)
    session.start_trigger_type = StartTriggerType.SOFTWARE_EDGE
    session.trigger_mode = TriggerMode.SINGLE
    session.arb_sample_rate = 256.0
    with session.initiate():
        clock.advance(100.0)
        assert session.get_hardware_state() is HardwareState.WAITING_FOR_START_TRIGGER
        session.send_software_edge_trigger(Trigger.START, "None")
        assert session.get_hardware_state() is HardwareState.RUNNING
        clock.advance(1.01)
        assert session.get_hardware_state() is HardwareState.DONE


def test_triggers_can_be_sent_in_the_old_way(session):
    session.create_waveform(RAMP)
    with session.initiate(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        session.send_software_edge_trigger()
        session.script_triggers[0].send_software_edge_trigger()
    text = refused(
        -1074135008, lambda: session.send_software_edge_trigger(Trigger.SCRIPT, "ScriptTrigger9")
    )
    assert "ScriptTrigger9" in text


def test_markers_are_latched_until_they_are_cleared(session, clock):
    session.create_waveform(RAMP)
    session.arb_sample_rate = 256.0
    session.arb_marker_position = 128
    with session.initiate():
        assert session.all_marker_events_latched_status == 0
        clock.advance(0.6)
        assert session.all_marker_events_latched_status == 1
        session.all_marker_events_latched_status = 0
        assert session.all_marker_events_latched_status == 0
        clock.advance(1.0)
        assert session.all_marker_events_latched_status == 1


def test_a_wrong_script_says_where(session):
    text = refused(INVALID, lambda: session.write_script("script s\ngenerate\nend script"))
    assert "line 3" in text
