"""Compare the latency of a multimeter's calls while another driver is loaded with that before.

    python benchmarks/driver_loading.py [--json] [--rounds N]

In each round a new server process gets its first call to NI-DCPower, which imports the driver,
while a caller reads an attribute of a multimeter again and again. The result is the ratio of the
99th percentiles with and without the import. The exit code is 1 if the target is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

import grpc
from nidcpower import nidcpower_pb2, nidcpower_pb2_grpc
from nidmm import nidmm_pb2, nidmm_pb2_grpc

SECONDS = 2.0
TARGET = 2.0
SERVE = """
import sys
from device_sim import DeviceServer

server = DeviceServer()
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""


class Caller:
    """A client of a multimeter.

    Args:
        channel: The connection to a server.
    """

    def __init__(self, channel: grpc.Channel) -> None:
        stub = nidmm_pb2_grpc.NiDmmStub(channel)
        vi = stub.InitWithOptions(nidmm_pb2.InitWithOptionsRequest(resource_name="DMM1")).vi
        self._call = stub.GetAttributeViReal64
        self._request = nidmm_pb2.GetAttributeViReal64Request(vi=vi, attribute_id=1250002)  # range

    def percentile(self) -> float:
        """Return the 99th percentile of the calls' durations, in seconds."""
        durations = []
        end = time.perf_counter() + SECONDS
        while (begin := time.perf_counter()) < end:
            self._call(self._request)
            durations.append(time.perf_counter() - begin)
        return statistics.quantiles(durations, n=100)[-1]


def load(channel: grpc.Channel) -> None:
    """Make the first call to NI-DCPower."""
    stub = nidcpower_pb2_grpc.NiDCPowerStub(channel)
    stub.InitializeWithIndependentChannels(
        nidcpower_pb2.InitializeWithIndependentChannelsRequest(resource_name="SMU1/0")
    )


def one_round() -> tuple[float, float]:
    """Return the percentiles without and with the import."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = f"127.0.0.1:{server.stdout.readline().strip()}"
        own: list[Any] = [("grpc.use_local_subchannel_pool", 1)]
        with (
            grpc.insecure_channel(address, own) as first,
            grpc.insecure_channel(address, own) as second,
        ):
            caller = Caller(first)
            caller.percentile()
            without = caller.percentile()
            loading = threading.Thread(target=load, args=(second,))
            loading.start()
            during = caller.percentile()
            loading.join()
        return without, during
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(60)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pairs = [one_round() for _ in range(options.rounds)]
    without = statistics.median(mine for mine, _ in pairs)
    ratio = statistics.median(during / alone for alone, during in pairs)
    if options.json:
        print(json.dumps({"p99": without, "ratio": ratio, "target": TARGET}))
    else:
        print(f"99 % of the calls take up to {without * 1e3:.2f} ms. While a driver is loaded, it")
        print(f"is {ratio:.2f} times that. Target: {TARGET}.")
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
