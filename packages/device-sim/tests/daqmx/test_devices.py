"""Devices of the system with the real nidaqmx package: names, properties, channels and resets."""

from __future__ import annotations

import nidaqmx
import nidaqmx.system
import pytest
from nidaqmx.constants import (
    AcquisitionType,
    BusType,
    Coupling,
    ProductCategory,
    TerminalConfiguration,
    TriggerUsage,
    UsageTypeCI,
    UsageTypeCO,
)
from nidaqmx.error_codes import DAQmxErrors

BENCH = """
[instruments.Scanner]
model = "9205"
[instruments.cDAQ2]
model = "9189"
[instruments.cDAQ2Mod3]
model = "9263"

[[connect]]
channel = "Scanner/ai0"
hi = "a"
[[connect]]
channel = "cDAQ2Mod3/ao0"
hi = "a"
"""


def refused(code: DAQmxErrors, action) -> str:
    """Check that the driver answers `action` with this error code. Return its text."""
    with pytest.raises(nidaqmx.DaqError) as caught:
        action()
    assert caught.value.error_code == code
    return str(caught.value)


@pytest.fixture
def board(system) -> nidaqmx.system.Device:
    return system.devices["Dev1"]


def test_a_system_has_two_boards_and_a_chassis_with_two_modules(system):
    assert system.devices.device_names == ["Dev1", "Dev2", "cDAQ1", "cDAQ1Mod1", "cDAQ1Mod2"]
    assert system.driver_version.major_version >= 20
    assert not len(system.scales) and not len(system.tasks) and not len(system.global_channels)


def test_names_of_clients_make_devices_but_not_without_end(system, task):
    for number in range(256 - len(system.devices.device_names)):
        task.ai_channels.add_ai_voltage_chan(f"Station{number}/ai0")
    said = refused(
        DAQmxErrors.INVALID_DEVICE_ID, lambda: task.ai_channels.add_ai_voltage_chan("More/ai0")
    )
    assert "More" in said
    assert len(system.devices.device_names) == 256


def test_a_board_has_the_properties_of_its_model(board):
    assert (board.product_type, board.product_num) == ("PCIe-6363", 0x7435C4C4)
    assert (board.bus_type, board.product_category) == (
        BusType.PCIE,
        ProductCategory.X_SERIES_DAQ,
    )
    assert board.is_simulated and board.serial_num == 0
    assert board.ai_voltage_rngs[-2:] == [-10.0, 10.0] and len(board.ai_voltage_rngs) == 14
    assert board.ai_max_single_chan_rate == 2e6
    assert board.ai_trig_usage == [
        TriggerUsage.PAUSE,
        TriggerUsage.REFERENCE,
        TriggerUsage.START,
    ]
    assert board.ai_couplings == [Coupling.DC]
    assert AcquisitionType.CONTINUOUS in board.co_samp_modes
    assert UsageTypeCI.COUNT_EDGES in board.ci_meas_types
    assert "/Dev1/PFI15" in board.terminals and "/Dev1/ai/SampleClock" in board.terminals


def test_a_board_has_the_channels_of_its_model(board):
    assert board.ai_physical_chans.channel_names == [f"Dev1/ai{n}" for n in range(32)]
    assert board.ao_physical_chans.channel_names == [f"Dev1/ao{n}" for n in range(4)]
    assert len(board.di_lines) == len(board.do_lines) == 48
    assert board.do_ports.channel_names == ["Dev1/port0", "Dev1/port1", "Dev1/port2"]
    assert board.co_physical_chans.channel_names[-1] == "Dev1/freqout"
    counter = board.co_physical_chans["ctr1"]
    assert counter.co_output_types == [
        UsageTypeCO.PULSE_FREQUENCY,
        UsageTypeCO.PULSE_TIME,
        UsageTypeCO.PULSE_TICKS,
    ]
    assert board.ai_physical_chans["ai9"].ai_term_cfgs == [
        TerminalConfiguration.RSE,
        TerminalConfiguration.NRSE,
        TerminalConfiguration.DIFF,
    ]
    assert board.di_ports["port0"].di_port_width == 32
    assert board.di_lines["port0/line7"].di_samp_clk_supported
    assert not board.di_lines["port1/line7"].di_samp_clk_supported


def test_a_chassis_knows_its_modules_and_they_know_it(system):
    chassis = system.devices["cDAQ1"]
    assert chassis.product_type == "cDAQ-9189"
    modules = chassis.chassis_module_devices
    assert [each.product_type for each in modules] == ["NI 9205", "NI 9263"]
    assert modules[1].compact_daq_chassis_device.name == "cDAQ1"
    assert modules[1].compact_daq_slot_num == 2
    refused(DAQmxErrors.ATTR_NOT_SUPPORTED, lambda: modules[1].ai_voltage_rngs)


@pytest.mark.parametrize("bench", [BENCH], indirect=True)
def test_the_devices_of_a_bench_file_belong_to_the_system(system, open_task, clock):
    assert system.devices.device_names[-3:] == ["Scanner", "cDAQ2", "cDAQ2Mod3"]
    assert system.devices["cdaq2"].chassis_module_devices[0].name == "cDAQ2Mod3"
    task = open_task()
    task.ao_channels.add_ao_voltage_chan("cDAQ2Mod3/ao0")
    task.write(6.0)
    clock.advance(1e-6)  # In which the input's capacitance charges.
    reader = open_task()
    reader.ai_channels.add_ai_voltage_chan("Scanner/ai0", min_val=-10.0, max_val=10.0)
    assert reader.read() == pytest.approx(6.0, abs=10e-3)


@pytest.fixture
def bench(request, bench_file):
    return bench_file(request.param) if hasattr(request, "param") else None


def test_a_device_that_a_channel_names_is_a_board(system, open_task, grpc_options):
    device = nidaqmx.system.Device("PXI1Slot4", grpc_options=grpc_options)
    assert "Dev1" in refused(DAQmxErrors.INVALID_DEVICE_ID, lambda: device.product_type)
    open_task().ai_channels.add_ai_voltage_chan("PXI1Slot4/ai0")
    assert device.product_type == "PCIe-6363"
    assert "PXI1Slot4" in system.devices


@pytest.mark.parametrize("name", ["Dev1/ai32", "Dev1/ao0", "Dev1/port0/line32", "cDAQ1Mod1/ao0"])
def test_a_channel_that_a_device_does_not_have_is_refused(open_task, name):
    task = open_task()
    text = refused(
        DAQmxErrors.PHYSICAL_CHAN_DOES_NOT_EXIST,
        lambda: task.ai_channels.add_ai_voltage_chan(name),
    )
    assert name in text


def test_properties_can_be_written_and_read_back_only_where_they_may(board):
    board.cal_user_defined_info = "shop"
    assert board.cal_user_defined_info == "shop"
    assert board.ext_cal_recommended_interval == 24
    refused(DAQmxErrors.ATTR_NOT_SUPPORTED, lambda: board.tcpip_hostname)
    refused(DAQmxErrors.ATTR_NOT_SUPPORTED, lambda: board.ai_physical_chans["ai0"].teds_mfg_id)


def test_a_client_resets_a_property_to_what_it_configured(open_task):
    task = open_task()
    channel = task.ai_channels.add_ai_voltage_chan("Dev1/ai0", max_val=5.0)
    channel.description = "inlet"
    assert channel.description == "inlet"
    del channel.description
    assert channel.description == ""
    channel.ai_max = 10.0
    assert channel.ai_max == 10.0
    refused(DAQmxErrors.INVALID_CHANNEL, lambda: task.ai_channels["other"].ai_max)


def test_a_reset_of_a_device_aborts_its_tasks(board, open_task):
    task = open_task()
    task.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    task.timing.cfg_samp_clk_timing(1000.0, sample_mode=AcquisitionType.CONTINUOUS)
    task.start()
    board.self_test_device()
    board.reset_device()
    assert task.is_task_done()
    other = open_task()
    other.ai_channels.add_ai_voltage_chan("Dev1/ai0")
    other.start()


def test_only_devices_that_calibrate_themselves_do_so(system, board):
    assert board.device_supports_cal
    board.self_cal()
    board.restore_last_ext_cal_const()
    assert not system.devices["cDAQ1"].device_supports_cal
    refused(DAQmxErrors.FUNCTION_NOT_SUPPORTED_FOR_DEVICE, system.devices["cDAQ1"].self_cal)
