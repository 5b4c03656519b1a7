"""Compare a measurement cycle of four sites with the same calls to a server that does nothing.

    python benchmarks/four_sites.py [--json] [--rounds N]

Each site has eight instruments on the bench: two SMUs, two multimeters, two inputs of a digitizer,
a generator and a switch. A cycle sources, measures, reads, generates, switches and fetches at every
site. The exit code is 1 if the cycle takes more than three times as long.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from driver_calls import SITES, SITES_SAMPLES, Server, serve
from nidcpower import nidcpower_pb2
from nidmm import nidmm_pb2
from nifgen import nifgen_pb2
from niscope import niscope_pb2
from niswitch import niswitch_pb2

TARGET = 3.0
APERTURE, DELAY = 1150058, 1150051
DMM_APERTURE = 1250321


def open_sessions(server: Server) -> None:
    """Open the sessions of all sites. No reading takes time."""
    for site in range(SITES):
        for unit in (1, 2):
            name = f"SMU{unit}/{site}"
            server.stub.InitializeWithIndependentChannels(
                nidcpower_pb2.InitializeWithIndependentChannelsRequest(
                    session_name=name, resource_name=name, option_string="Simulate=1"
                )
            )
            for attribute in (APERTURE, DELAY):
                server.stub.SetAttributeViReal64(
                    nidcpower_pb2.SetAttributeViReal64Request(
                        vi={"name": name}, attribute_id=attribute, attribute_value_raw=0.0
                    )
                )
            meter = f"DMM{unit}{site}"
            server.dmm.InitWithOptions(
                nidmm_pb2.InitWithOptionsRequest(session_name=meter, resource_name=meter)
            )
            server.dmm.SetAttributeViReal64(
                nidmm_pb2.SetAttributeViReal64Request(
                    vi={"name": meter}, attribute_id=DMM_APERTURE, attribute_value_raw=0.0
                )
            )
        server.fgen.InitWithOptions(
            nifgen_pb2.InitWithOptionsRequest(
                session_name=f"FGEN{site}", resource_name=f"FGEN{site}"
            )
        )
        generator = {"name": f"FGEN{site}"}
        server.fgen.ConfigureOutputMode(
            nifgen_pb2.ConfigureOutputModeRequest(vi=generator, output_mode_raw=0)
        )
        server.fgen.ConfigureStandardWaveform(
            nifgen_pb2.ConfigureStandardWaveformRequest(
                vi=generator, waveform_raw=1, amplitude=2.0, frequency=1e4
            )
        )
        server.switch.InitWithTopology(
            niswitch_pb2.InitWithTopologyRequest(
                session_name=f"SWITCH{site}",
                resource_name=f"SWITCH{site}",
                topology="2737/2-Wire 4x64 Matrix",
                simulate=True,
            )
        )
        name = f"SCOPE{site}"
        server.scope.InitWithOptions(
            niscope_pb2.InitWithOptionsRequest(session_name=name, resource_name=name)
        )
        server.scope.ConfigureHorizontalTiming(
            niscope_pb2.ConfigureHorizontalTimingRequest(
                vi={"name": name},
                min_sample_rate=1e9,
                min_num_pts=SITES_SAMPLES // 2,
                ref_position=50.0,
                num_records=1,
            )
        )


def cycle(server: Server) -> None:
    """Run one cycle at every site."""
    for site in range(SITES):
        vi = {"name": f"FGEN{site}"}
        server.fgen.InitiateGeneration(nifgen_pb2.InitiateGenerationRequest(vi=vi))
        switch = {"name": f"SWITCH{site}"}
        pair = {"vi": switch, "channel1": "r0", "channel2": "c0"}
        server.switch.Connect(niswitch_pb2.ConnectRequest(**pair))
        for unit in (1, 2):
            name = f"SMU{unit}/{site}"
            of = {"vi": {"name": name}, "channel_name": name}
            server.stub.ConfigureVoltageLevel(
                nidcpower_pb2.ConfigureVoltageLevelRequest(**of, level=1.0 + site)
            )
            server.stub.InitiateWithChannels(nidcpower_pb2.InitiateWithChannelsRequest(**of))
            server.stub.MeasureMultiple(nidcpower_pb2.MeasureMultipleRequest(**of))
            server.stub.AbortWithChannels(nidcpower_pb2.AbortWithChannelsRequest(**of))
            meter = {"name": f"DMM{unit}{site}"}
            server.dmm.Read(nidmm_pb2.ReadRequest(vi=meter, maximum_time_raw=1000))
        scope = {"name": f"SCOPE{site}"}
        server.scope.InitiateAcquisition(niscope_pb2.InitiateAcquisitionRequest(vi=scope))
        server.scope.Fetch(
            niscope_pb2.FetchRequest(
                vi=scope, channel_list="0,1", timeout=5.0, num_samples=SITES_SAMPLES // 2
            )
        )
        server.switch.Disconnect(niswitch_pb2.DisconnectRequest(**pair))
        server.fgen.AbortGeneration(nifgen_pb2.AbortGenerationRequest(vi=vi))


def seconds(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def measure(rounds: int) -> tuple[float, float]:
    """Return the milliseconds of a cycle, and their ratio to those of the no-op."""
    servers = [Server("sites", __file__), Server("nothing for sites", __file__)]
    try:
        open_sessions(servers[0])
        for server in servers:
            cycle(server)
        pairs = [[seconds(lambda s=s: cycle(s)) for s in servers] for _ in range(rounds)]
        ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        return 1e3 * statistics.median(ours for ours, _ in pairs), ratio
    finally:
        for server in servers:
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return 0
    milliseconds, ratio = measure(options.rounds)
    if options.json:
        print(json.dumps({"milliseconds": milliseconds, "ratio": ratio, "target": TARGET}))
    else:
        print(
            f"a cycle of four sites: {milliseconds:.0f} ms, {ratio:.2f} times the no-op ({TARGET})"
        )
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
