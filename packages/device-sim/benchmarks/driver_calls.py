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

CALLERS = 4
SECONDS = 0.5

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


def serve_nothing() -> None:
    """Answer every call of NI-DCPower with the default response."""
    service = pb.DESCRIPTOR.services_by_name["NiDCPower"]
    handlers = {}
    for method in service.methods:
        request, response = (getattr(pb, t.name) for t in (method.input_type, method.output_type))
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            lambda _, __, response=response: response(),
            request.FromString,
            response.SerializeToString,
        )
    server = grpc.server(ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
    handler = grpc.method_handlers_generic_handler(service.full_name, handlers)
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    wait_for_end(port)


def serve_instruments() -> None:
    from device_sim import DeviceServer

    with tempfile.TemporaryDirectory() as folder:
        bench = Path(folder, "bench.toml")
        bench.write_text(BENCH, encoding="utf-8")
        server = DeviceServer(bench)
        wait_for_end(server.start())


def wait_for_end(port: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {0})
    print(port, flush=True)
    sys.stdin.read()


class Server:
    """A server process. It ends when its standard input is closed."""

    def __init__(self, kind: str) -> None:
        command = [sys.executable, __file__, "--serve", kind]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.process.stdout.readline().strip()}")
        self.stub = nidcpower_pb2_grpc.NiDCPowerStub(self.channel)

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.channel.close()
        self.process.stdin.close()
        self.process.wait(20)


def open_sessions(stub: Any) -> None:
    """Open a session on a wired and one on an unwired SMU. They measure without an aperture."""
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


def calls(stub: Any) -> dict[str, tuple[Callable[[], Any], float]]:
    """Return the calls, each with the smallest allowed fraction of the no-op's rate."""
    free, wired = {"name": "FREE"}, {"name": "WIRED"}
    get = pb.GetAttributeViReal64Request(vi=free, channel_name="FREE/0", attribute_id=1250001)
    set_ = pb.SetAttributeViReal64Request(
        vi=free, channel_name="FREE/0", attribute_id=1150051, attribute_value_raw=0.0
    )
    measure = pb.MeasureMultipleRequest(vi=free, channel_name="FREE/0")
    measure_wired = pb.MeasureMultipleRequest(vi=wired, channel_name="WIRED/0")
    return {
        "get an attribute": (lambda: stub.GetAttributeViReal64(get), 0.6),
        "set an attribute": (lambda: stub.SetAttributeViReal64(set_), 0.4),
        "measure, not wired": (lambda: stub.MeasureMultiple(measure), 0.5),
        "measure on a bench": (lambda: stub.MeasureMultiple(measure_wired), 0.2),
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
        open_sessions(servers[0].stub)
        ours, noop = (calls(server.stub) for server in servers)
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
        (serve_instruments if options.serve == "instruments" else serve_nothing)()
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
