"""Compare driver calls of the simulated instruments with a server that does nothing.

    python benchmarks/driver_calls.py [--json] [--rounds N]

Both servers run in separate processes, pinned to one core if the system allows it. They answer
the same requests of the same clients in turn. The ratio is the result. The exit code is 1 if a
target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
from nidcpower import nidcpower_pb2 as pb
from nidcpower import nidcpower_pb2_grpc
from nidmm import nidmm_pb2, nidmm_pb2_grpc
from nifgen import nifgen_pb2, nifgen_pb2_grpc
from niscope import niscope_pb2, niscope_pb2_grpc
from niswitch import niswitch_pb2, niswitch_pb2_grpc

CALLERS = 4
SECONDS = 0.5
SAMPLES = 1_000_000  # of a waveform

BENCH = """
[[connect]]
channel = "WIRED/0"
hi = "net"

[[part]]
name = "R1"
kind = "resistor"
a = "net"
b = "GND"
value = 1000.0
"""

SITES = 4
"""The sites of the benchmark of that name, each with eight instruments."""

SITES_SAMPLES = 2000
"""The samples of a fetch there, of two channels."""

SITES_BENCH = """
sites = [0, 1, 2, 3]

[[connect]]
channel = "SMU1/{site}"
hi = "supply{site}"

[[connect]]
channel = "SMU2/{site}"
hi = "second{site}"

[[connect]]
channel = "DMM1{site}"
hi = "out{site}"

[[connect]]
channel = "DMM2{site}"
hi = "second{site}"

[[connect]]
channel = "SCOPE{site}/0"
hi = "out{site}"

[[connect]]
channel = "SCOPE{site}/1"
hi = "drive{site}"

[[connect]]
channel = "FGEN{site}/0"
hi = "drive{site}"

[[connect]]
channel = "SWITCH{site}/r0"
hi = "drive{site}"

[[connect]]
channel = "SWITCH{site}/c0"
hi = "out{site}"

[[part]]
name = "R{site}"
kind = "resistor"
a = "supply{site}"
b = "out{site}"
value = 1000.0

[[part]]
name = "C{site}"
kind = "capacitor"
a = "out{site}"
b = "GND"
value = 1e-7

[[part]]
name = "Rload{site}"
kind = "resistor"
a = "second{site}"
b = "GND"
value = [100.0, 220.0, 470.0, 1000.0]
"""


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    call: str
    per_second: float
    ratio: float
    target: float

    @property
    def is_met(self) -> bool:
        return self.ratio >= self.target


def serve_nothing(samples: int) -> None:
    """Answer every call of the drivers with the default response, a fetch with some samples."""
    server = grpc.server(ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
    modules = (pb, nidmm_pb2, nifgen_pb2, niscope_pb2, niswitch_pb2)
    server.add_generic_rpc_handlers([no_op(module, samples) for module in modules])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    wait_for_end(port)


def response_of(kind: Any, samples: int) -> Any:
    if kind is niscope_pb2.FetchResponse:
        return kind(waveform=[0.25] * samples, wfm_info=[{"actual_samples": samples}])
    return kind()


def no_op(module: Any, samples: int) -> grpc.GenericRpcHandler:
    """Return a handler that does nothing for each call of a driver."""
    (service,) = module.DESCRIPTOR.services_by_name.values()
    handlers = {}
    for method in service.methods:
        request, response = (
            getattr(module, t.name) for t in (method.input_type, method.output_type)
        )
        message = response_of(response, samples)
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            lambda _, __, message=message: message,
            request.FromString,
            response.SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def serve(kind: str) -> None:
    """Serve nothing, or the instruments of a benchmark, until standard input is closed."""
    if kind.startswith("nothing"):
        serve_nothing(SITES_SAMPLES if kind == "nothing for sites" else SAMPLES)
    else:
        serve_instruments(SITES_BENCH if kind == "sites" else BENCH)


def serve_instruments(text: str) -> None:
    from device_sim import DeviceServer

    with tempfile.TemporaryDirectory() as folder:
        bench = Path(folder, "bench.toml")
        bench.write_text(text, encoding="utf-8")
        server = DeviceServer(bench)
        wait_for_end(server.start())


def wait_for_end(port: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    print(port, flush=True)
    sys.stdin.read()


class Server:
    """A server process. It ends when its standard input is closed."""

    def __init__(self, kind: str, script: str = __file__) -> None:
        command = [sys.executable, script, "--serve", kind]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{self.process.stdout.readline().strip()}",
            options=[("grpc.max_receive_message_length", -1)],
        )
        self.stub = nidcpower_pb2_grpc.NiDCPowerStub(self.channel)
        self.dmm = nidmm_pb2_grpc.NiDmmStub(self.channel)
        self.fgen = nifgen_pb2_grpc.NiFgenStub(self.channel)
        self.scope = niscope_pb2_grpc.NiScopeStub(self.channel)
        self.switch = niswitch_pb2_grpc.NiSwitchStub(self.channel)

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.channel.close()
        self.process.stdin.close()
        self.process.wait(20)


def open_sessions(server: Server) -> None:
    """Open sessions: a wired and an unwired SMU, and one of each other driver.

    No reading takes time, and the scope has acquired its record.
    """
    stub = server.stub
    server.scope.InitWithOptions(
        niscope_pb2.InitWithOptionsRequest(session_name="SCOPE", resource_name="SCOPE1")
    )
    vi = {"name": "SCOPE"}
    server.scope.ConfigureHorizontalTiming(
        niscope_pb2.ConfigureHorizontalTimingRequest(
            vi=vi, min_sample_rate=1e9, min_num_pts=SAMPLES, ref_position=50.0, num_records=1
        )
    )
    server.scope.InitiateAcquisition(niscope_pb2.InitiateAcquisitionRequest(vi=vi))
    server.dmm.InitWithOptions(
        nidmm_pb2.InitWithOptionsRequest(session_name="DMM", resource_name="DMM1")
    )
    server.dmm.SetAttributeViReal64(
        nidmm_pb2.SetAttributeViReal64Request(
            vi={"name": "DMM"},
            attribute_id=1250321,  # aperture_time
            attribute_value_raw=0.0,
        )
    )
    server.fgen.InitWithOptions(nifgen_pb2.InitWithOptionsRequest(session_name="FGEN"))
    server.switch.InitWithTopology(
        niswitch_pb2.InitWithTopologyRequest(
            session_name="SWITCH", topology="2737/2-Wire 4x64 Matrix", simulate=True
        )
    )
    for name in ("WIRED", "FREE"):
        request = pb.InitializeWithIndependentChannelsRequest(
            session_name=name, resource_name=f"{name}/0", option_string="Simulate=1"
        )
        stub.InitializeWithIndependentChannels(request)
        vi = {"name": name}
        for attribute in (1150058, 1150051):  # aperture_time, source_delay
            stub.SetAttributeViReal64(
                pb.SetAttributeViReal64Request(
                    vi=vi, attribute_id=attribute, attribute_value_raw=0.0
                )
            )
        stub.InitiateWithChannels(pb.InitiateWithChannelsRequest(vi=vi))


def calls(server: Server) -> dict[str, tuple[Callable[[], Any], float]]:
    """Return the calls, each with the smallest allowed fraction of the no-op's rate."""
    stub, free, wired = server.stub, {"name": "FREE"}, {"name": "WIRED"}
    get = pb.GetAttributeViReal64Request(vi=free, channel_name="FREE/0", attribute_id=1250001)
    set_ = pb.SetAttributeViReal64Request(
        vi=free, channel_name="FREE/0", attribute_id=1150051, attribute_value_raw=0.0
    )
    measure = pb.MeasureMultipleRequest(vi=free, channel_name="FREE/0")
    measure_wired = pb.MeasureMultipleRequest(vi=wired, channel_name="WIRED/0")
    read = nidmm_pb2.ReadRequest(vi={"name": "DMM"}, maximum_time_raw=1000)
    fetch = niscope_pb2.FetchRequest(
        vi={"name": "SCOPE"}, channel_list="0", timeout=5.0, num_samples=SAMPLES
    )
    can = niswitch_pb2.CanConnectRequest(vi={"name": "SWITCH"}, channel1="r0", channel2="c0")
    define = nifgen_pb2.DefineUserStandardWaveformRequest(
        vi={"name": "FGEN"}, waveform_data_array=[0.5] * 10_000
    )
    return {
        "get an attribute": (lambda: stub.GetAttributeViReal64(get), 0.6),
        "set an attribute": (lambda: stub.SetAttributeViReal64(set_), 0.4),
        "measure, not wired": (lambda: stub.MeasureMultiple(measure), 0.5),
        "measure on a bench": (lambda: stub.MeasureMultiple(measure_wired), 0.2),
        "read a multimeter": (lambda: server.dmm.Read(read), 0.3),
        "send 10 000 samples": (lambda: server.fgen.DefineUserStandardWaveform(define), 0.3),
        "fetch 1 M samples": (lambda: server.scope.Fetch(fetch), 0.2),
        "ask a switch": (lambda: server.switch.CanConnect(can), 0.5),
    }


def rate(call: Callable[[], Any]) -> float:
    """Return the calls per second of several callers."""
    counts = [0] * CALLERS
    end = time.perf_counter() + SECONDS

    def run(caller: int) -> None:
        while time.perf_counter() < end:
            call()
            counts[caller] += 1

    threads = [threading.Thread(target=run, args=(caller,)) for caller in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS


def measure(rounds: int) -> list[Result]:
    servers = [Server("instruments"), Server("nothing")]
    try:
        open_sessions(servers[0])
        ours, noop = (calls(server) for server in servers)
        results = []
        for name, (call, target) in ours.items():
            pairs = [(rate(call), rate(noop[name][0])) for _ in range(rounds)]
            per_second = statistics.median(mine for mine, _ in pairs)
            ratio = statistics.median(mine / theirs for mine, theirs in pairs)
            results.append(Result(name, per_second, ratio, target))
        return results
    finally:
        for server in servers:
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", choices=["instruments", "nothing"], help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    results = measure(options.rounds)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2))
    else:
        print(f"{'call':<22}{'per second':>12}{'of no-op':>10}{'target':>8}")
        for r in results:
            print(f"{r.call:<22}{r.per_second:>12.0f}{r.ratio:>10.2f}{r.target:>8.2f}")
    return 0 if all(result.is_met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
