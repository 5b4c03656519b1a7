"""The view of a real bench: what its instruments set, read and suffer from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from device_sim.server import DeviceServer
from measurement_console.bench.faults import FAULT_KINDS, read_fault
from measurement_console.bench.view import BenchView, make_view
from measurement_console.errors import ServiceCallError
from measurement_console.reflected import ReflectedService, reflect

BENCH = """
[[connect]]
channel = "SMU1/0"
hi = "force"
[[connect]]
channel = "Scope1/0"
hi = "force"
[[connect]]
channel = "Switch1/com0"
hi = "force"
[[part]]
name = "Load"
kind = "resistor"
a = "force"
b = "GND"
value = 2200
[instruments.SMU1]
model = "4141"
[instruments.Scope1]
model = "5122"
"""
TEXTS = {"share": "0.5", "volts": "0.1", "seconds": "2e-3", "code": "-12", "relay": "k0"}
METHODS = ("ListSessions", "ListChannels", "ListParts", "ListFaults")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[ReflectedService]:
    """Serve the bench."""
    file = tmp_path / "bench.toml"
    file.write_text(BENCH, encoding="utf-8")
    device_server = DeviceServer(bench=file)
    port = device_server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield reflect(channel, "device_sim.v1.Bench")
    device_server.stop()


def view_of(bench: ReflectedService) -> BenchView:
    return make_view(*[bench.call(method) for method in METHODS])


def test_instruments_parts_and_readings_are_shown(bench: ReflectedService) -> None:
    view = view_of(bench)
    assert [one.name for one in view.instruments] == ["SMU1", "Scope1", "Switch1"]
    smu = view.instruments[0]
    assert smu.model == "NI PXIe-4141"
    assert smu.channels[0].wiring == "force to GND"
    assert smu.channels[0].readings == ("0 V", "0 A")
    (part,) = view.parts
    assert (part.kind, part.nets) == ("resistor", "force to GND")
    assert part.values == (("value", 2200.0, "2.2 kΩ"),)


def test_a_broken_wire_is_shown_and_mended(bench: ReflectedService) -> None:
    before = view_of(bench)
    bench.call("Disconnect", channel="SMU1/0")
    assert view_of(bench).instruments[0].channels[0].is_open
    bench.call("Reconnect", channel="SMU1/0")
    assert view_of(bench) == before


def test_each_fault_of_the_page_is_taken_and_shown_at_its_instrument(
    bench: ReflectedService,
) -> None:
    devices = {"niscope": "scope1", "niswitch": "Switch1"}
    for kind in FAULT_KINDS:
        device = next((devices[name] for name in kind.drivers if name in devices), "smu1")
        bench.call("AddFault", fault=read_fault(device, kind.key, TEXTS))
    faults = {one.name: one.faults for one in view_of(bench).instruments}
    assert {name: len(found) for name, found in faults.items()} == {
        "SMU1": 4,
        "Scope1": 3,
        "Switch1": 2,
    }
    bench.call("ClearFaults", device="SMU1")
    assert [len(one.faults) for one in view_of(bench).instruments] == [0, 3, 2]


def test_a_refusal_has_the_text_of_the_server(bench: ReflectedService) -> None:
    with pytest.raises(ServiceCallError, match="'SMU9/0' is not connected") as caught:
        bench.call("Disconnect", channel="SMU9/0")
    assert not caught.value.is_away
