"""Plug-ins of NI's real SDK use the tasks of DAQ devices that a pin map names."""

from __future__ import annotations

import pytest
from pin_map_xml import connection, daqmx, group, pin_map_xml, system_connection
from plugin_folders import V1, V2, write_script_plugin

PIN_MAP = pin_map_xml(
    instruments=[
        daqmx("Inputs", "Dev1/ai0:3, Dev2/ai0"),
        daqmx("Outputs", "Dev1/ao0:1"),
        daqmx("Lines", "Dev1/port0/line0:7"),
        daqmx("Counter", "Dev1/ctr0"),
    ],
    pins=["A", "B", "Enable", "Pulses"],
    system_pins=["Supply", "Level"],
    pin_groups=[group("Pin", "Both", "B", "A")],
    sites=[0, 1],
    connections=[
        connection("A", 0, "Inputs", "Dev1/ai2"),
        connection("A", 1, "Inputs", "Dev1/ai0"),
        connection("B", 0, "Inputs", "Dev2/ai0"),
        connection("B", 1, "Inputs", "Dev1/ai1"),
        connection("Enable", 0, "Lines", "Dev1/port0/line3"),
        connection("Enable", 1, "Lines", "Dev1/port0/line4"),
        connection("Pulses", "0,1", "Counter", "Dev1/ctr0"),
        system_connection("Supply", "Inputs", "Dev1/ai3"),
        system_connection("Level", "Outputs", "Dev1/ao1"),
    ],
)

SCRIPT = """
from pathlib import Path
import nidaqmx  # later, Windows cannot load it: the main thread reads a pipe (numpy issue 24290)
import ni_measurement_plugin_sdk_service as nims

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("plugin.serviceconfig"))


def add_channels(task, name, channels):
    if name == "Inputs":
        task.ai_channels.add_ai_voltage_chan(channels, min_val=-1.0, max_val=1.0)
    elif name == "Outputs":
        task.ao_channels.add_ao_voltage_chan(channels)
    elif name == "Lines":
        task.do_channels.add_do_chan(channels)
    else:
        task.ci_channels.add_ci_count_edges_chan(channels)


def used(task, name):
    if name == "Outputs":
        return [float(task.write(2.5))]
    if name == "Lines":
        count = len(task.do_channels)
        return [float(task.write([True] * count if count > 1 else True))]
    values = task.read(2)
    return [value for each in values for value in (each if isinstance(each, list) else [each])]


@service.register_measurement
@service.configuration("pins", nims.DataType.StringArray1D, ["A"])
@service.output("told", nims.DataType.StringArray1D)
@service.output("values", nims.DataType.DoubleArray1D)
def measure(pins):
    told, values = [], []
    with service.context.reserve_sessions(pins) as reservation:
        with reservation.create_nidaqmx_tasks() as infos:
            for info in infos:
                told.append(f"{info.session_name}: {info.channel_list}")
                add_channels(info.session, info.session_name, info.channel_list)
                values += used(info.session, info.session_name)
            for each in reservation.get_nidaqmx_connections(pins):
                told.append(f"{each.pin_or_relay_name} {each.site} {each.channel_name}")
    return (told, values)


with service.host_service():
    input()
"""


@pytest.mark.parametrize(
    "pins,sites,told,count",
    [
        (["A"], [1], ["Inputs: Dev1/ai0", "A 1 Dev1/ai0"], 2),
        (
            ["Both"],
            [0, 1],
            [
                "Inputs: Dev1/ai0, Dev1/ai1, Dev1/ai2, Dev2/ai0",
                *("B 0 Dev2/ai0", "A 0 Dev1/ai2", "B 1 Dev1/ai1", "A 1 Dev1/ai0"),
            ],
            8,
        ),
        (
            ["A", "Supply"],
            [0],
            ["Inputs: Dev1/ai2, Dev1/ai3", "A 0 Dev1/ai2", "Supply -1 Dev1/ai3"],
            4,
        ),
        (["Level"], [0], ["Outputs: Dev1/ao1", "Level -1 Dev1/ao1"], 1),
        (
            ["Enable"],
            [0, 1],
            [
                "Lines: Dev1/port0/line3, Dev1/port0/line4",
                *("Enable 0 Dev1/port0/line3", "Enable 1 Dev1/port0/line4"),
            ],
            1,
        ),
        (
            ["Pulses"],
            [0, 1],
            ["Counter: Dev1/ctr0", "Pulses 0 Dev1/ctr0", "Pulses 1 Dev1/ctr0"],
            2,
        ),
    ],
    ids=["one site", "a group", "a system pin", "an output", "lines", "a counter"],
)
def test_a_plug_in_uses_the_tasks_of_its_pins(ni_platform, tmp_path, pins, sites, told, count):
    write_script_plugin(tmp_path / "plugin", "test.Tasks", SCRIPT, providedInterfaces=[V1, V2])
    ni_platform.add_plugins(tmp_path)
    pin_map_id = ni_platform.load_pin_map(PIN_MAP)
    plugin = ni_platform.plugin("test.Tasks")
    outputs = plugin.measure({"pins": pins}, pin_map_id=pin_map_id, sites=sites)
    assert outputs["told"] == told
    assert len(outputs["values"]) == count
    if "A" in pins:
        assert all(-1.1 <= value <= 1.1 for value in outputs["values"])
