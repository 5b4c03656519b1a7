"""Measure the times that users of the platform wait for, and print a small table.

    python benchmarks/platform_speed.py [--json]

The exit code is 1 if a target is missed. The benchmark starts the plug-in dcpower-logger-plugin,
which must be installed in the same environment.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import grpc
import nidcpower
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as pb
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc
from platform_sim.hook import hooked_environment
from platform_sim.state_file import PlatformState, read_state
from plugin_kit.calling import PlatformClient
from plugin_kit.calling.channels import open_channel

SITES = 64
PINS = 1000
STARTS = 15
SESSION_MANAGEMENT = "ni.measurementlink.sessionmanagement.v1.SessionManagementService"
MEASUREMENT = "ni.measurementlink.measurement.v2.MeasurementService"
PLUGIN = "ni.examples.NIDCPowerSourceDCVoltageWithLogger"

BENCH = """
[[connect]]
channel = "SMU1/0"
hi = "net"

[[part]]
name = "R1"
kind = "resistor"
a = "net"
b = "GND"
value = 1000.0
"""


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    name: str
    milliseconds: float
    target: float

    @property
    def is_met(self) -> bool:
        return self.milliseconds < self.target


def median_ms(action: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


@contextmanager
def running_platform(folder: Path, *options: str) -> Iterator[tuple[PlatformState, float]]:
    """Run a platform process. Yield its state and the milliseconds until its ready line."""
    state_file = folder / "state.json"
    command = [sys.executable, "-m", "platform_sim.cli", "up", "--state-file", str(state_file)]
    start = time.perf_counter()
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("platform-sim is ready")
        milliseconds = (time.perf_counter() - start) * 1000
        state = read_state(state_file)
        assert state is not None
        yield state, milliseconds
    finally:
        process.terminate()
        process.wait(20)


def measure_starts(folder: Path) -> list[Result]:
    """Start platforms. With each, start a plug-in and open a first session."""
    bench, plugins = folder / "bench.toml", folder / "plugins"
    bench.write_text(BENCH, encoding="utf-8")
    install = [sys.executable, "-m", "dcpower_logger_plugin", "install", str(plugins)]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    plain, with_bench, plugin, session = [], [], [], []
    for _ in range(STARTS):
        with running_platform(folder, "--bench", str(bench)) as (_, milliseconds):
            with_bench.append(milliseconds)
        with running_platform(folder, "--plugins", str(plugins)) as (state, milliseconds):
            plain.append(milliseconds)
            with PlatformClient(state.discovery_address) as client:
                plugin.append(median_ms(lambda: client.resolve(MEASUREMENT, PLUGIN), 1))
            with grpc.insecure_channel(state.device_server_address) as channel:
                session.append(median_ms(lambda: open_session(channel), 1))
    return [
        Result("platform ready", statistics.median(plain), 500),
        Result("platform ready, with a bench file", statistics.median(with_bench), 500),
        Result("the first driver session", statistics.median(session), 500),
        Result("a plug-in's cold start through discovery", statistics.median(plugin), 600),
    ]


def open_session(channel: grpc.Channel) -> None:
    options = nidcpower.GrpcSessionOptions(channel, "")
    with nidcpower.Session("SMU1/0", options="Simulate=1", grpc_options=options):
        pass


def measure_hook(address: str) -> Result:
    """Compare the start of Python with and without the hook. Neither imports the SDK."""

    def start_with(environment: dict[str, str]) -> float:
        run = [sys.executable, "-c", "pass"]
        return median_ms(lambda: subprocess.run(run, env=environment, check=True), 21)

    plain = start_with(dict(os.environ))
    hooked = start_with(hooked_environment(address, os.environ))
    return Result("the hook, at the start of a Python process", hooked - plain, 10)


def large_pin_map() -> str:
    """Return a pin map with PINS pins on each of SITES sites, and 64 channels an instrument."""
    pins = [f"Pin{number}" for number in range(PINS)]
    instruments = [f"SMU{number}" for number in range(PINS)]
    lines = ['<PinMap schemaVersion="1.6"><Instruments>']
    lines += [
        f'<NIDCPowerInstrument name={quoteattr(name)} numberOfChannels="{SITES}">'
        f'<ChannelGroup name="Common"/></NIDCPowerInstrument>'
        for name in instruments
    ]
    lines += ["</Instruments><Pins>", *(f'<DUTPin name="{pin}"/>' for pin in pins), "</Pins>"]
    lines += ["<Sites>", *(f'<Site siteNumber="{site}"/>' for site in range(SITES)), "</Sites>"]
    lines.append("<Connections>")
    lines += [
        f'<Connection pin="{pin}" siteNumber="{site}" instrument="{name}" channel="{site}"/>'
        for pin, name in zip(pins, instruments, strict=True)
        for site in range(SITES)
    ]
    lines.append("</Connections></PinMap>")
    return "\n".join(lines)


def measure_reserve(address: str, folder: Path) -> list[Result]:
    """Reserve all pins on all sites: PINS x SITES mappings in one answer."""
    file = folder / "large.pinmap"
    file.write_text(large_pin_map(), encoding="utf-8")
    with PlatformClient(address) as client, open_channel(address) as channel:
        loaded = median_ms(lambda: client.load_pin_map(file), 1)
        sessions = session_management_service_pb2_grpc.SessionManagementServiceStub(channel)
        request = pb.ReserveSessionsRequest(instrument_type_id="niDCPower")
        request.pin_map_context.pin_map_id = str(file)
        request.pin_or_relay_names.extend(f"Pin{number}" for number in range(PINS))
        sites = request.pin_map_context.sites

        def reserve(repeats: int) -> float:
            times = []
            for _ in range(repeats):
                start = time.perf_counter()
                response = sessions.ReserveSessions(request)
                times.append((time.perf_counter() - start) * 1000)
                count = sum(len(one.channel_mappings) for one in response.sessions)
                assert count == PINS * len(sites)
                sessions.UnreserveSessions(pb.UnreserveSessionsRequest(sessions=response.sessions))
            return statistics.median(times)

        sites.append(0)
        one_site = reserve(9)
        sites[:] = range(SITES)
        first = reserve(1)
        all_sites = reserve(9)
    return [
        Result(f"load a pin map of {PINS} pins x {SITES} sites", loaded, 2000),
        Result(f"reserve {PINS} pins on 1 site", one_site, 100),
        Result(f"reserve {PINS} pins on {SITES} sites, the first time", first, 100),
        Result(f"reserve {PINS} pins on {SITES} sites", all_sites, 100),
    ]


def measure_all() -> list[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        starts = measure_starts(folder)
        with running_platform(folder) as (state, _):
            with PlatformClient(state.discovery_address) as client:
                client.resolve(SESSION_MANAGEMENT)
                warm = median_ms(lambda: client.resolve(SESSION_MANAGEMENT), 200)
            return [
                *starts,
                Result("warm resolve", warm, 20),
                measure_hook(state.discovery_address),
                *measure_reserve(state.discovery_address, folder),
            ]


def main() -> None:
    results = measure_all()
    if "--json" in sys.argv[1:]:
        print(json.dumps([asdict(one) for one in results]))
    else:
        width = max(len(one.name) for one in results)
        for one in results:
            verdict = "met" if one.is_met else "MISSED"
            print(f"{one.name:<{width}}  {one.milliseconds:8.1f} ms  < {one.target:g}  {verdict}")
    sys.exit(not all(one.is_met for one in results))


if __name__ == "__main__":
    main()
