"""The view of a real bench: what its instruments set, read and suffer from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import grpc
import grpc.aio
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

Ask = Callable[[ReflectedService], Awaitable[None]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve the bench, and return its address."""
    file = tmp_path / "bench.toml"
    file.write_text(BENCH, encoding="utf-8")
    device_server = DeviceServer(bench=file)
    port = device_server.start()
    yield f"127.0.0.1:{port}"
    device_server.stop()


def with_bench(address: str, ask: Ask) -> None:
    async def run() -> None:
        async with grpc.aio.insecure_channel(address) as channel:
            await ask(await reflect(channel, "device_sim.v1.Bench"))

    asyncio.run(run())


async def view_of(bench: ReflectedService) -> BenchView:
    return make_view(*[await bench.call(method) for method in METHODS])


def test_instruments_parts_and_readings_are_shown(server: str) -> None:
    async def ask(bench: ReflectedService) -> None:
        view = await view_of(bench)
        assert [one.name for one in view.instruments] == ["SMU1", "Scope1", "Switch1"]
        smu = view.instruments[0]
        assert smu.model == "NI PXIe-4141"
        assert smu.channels[0].wiring == "force to GND"
        assert smu.channels[0].readings == ("0 V", "0 A")
        (part,) = view.parts
        assert (part.kind, part.nets) == ("resistor", "force to GND")
        assert part.values == (("value", 2200.0, "2.2 kΩ"),)

    with_bench(server, ask)


def test_a_broken_wire_is_shown_and_mended(server: str) -> None:
    async def ask(bench: ReflectedService) -> None:
        before = await view_of(bench)
        await bench.call("Disconnect", channel="SMU1/0")
        assert (await view_of(bench)).instruments[0].channels[0].is_open
        await bench.call("Reconnect", channel="SMU1/0")
        assert await view_of(bench) == before

    with_bench(server, ask)


def test_each_fault_of_the_page_is_taken_and_shown_at_its_instrument(server: str) -> None:
    devices = {"niscope": "scope1", "niswitch": "Switch1"}

    async def ask(bench: ReflectedService) -> None:
        for kind in FAULT_KINDS:
            device = devices.get("".join(kind.drivers), "smu1")
            await bench.call("AddFault", fault=read_fault(device, kind.key, TEXTS))
        faults = {one.name: one.faults for one in (await view_of(bench)).instruments}
        assert {name: len(found) for name, found in faults.items()} == {
            "SMU1": 4,
            "Scope1": 3,
            "Switch1": 2,
        }
        await bench.call("ClearFaults", device="SMU1")
        assert [len(one.faults) for one in (await view_of(bench)).instruments] == [0, 3, 2]

    with_bench(server, ask)


def test_a_refusal_has_the_text_of_the_server(server: str) -> None:
    async def ask(bench: ReflectedService) -> None:
        with pytest.raises(ServiceCallError, match="'SMU9/0' is not connected") as caught:
            await bench.call("Disconnect", channel="SMU9/0")
        assert not caught.value.is_away

    with_bench(server, ask)
