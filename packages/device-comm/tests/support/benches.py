"""Run `device-sim serve` with a bench whose nets are GPIO lines, as another process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import nidcpower
import psutil

BENCH = """\
[instruments.SMU1]
model = "4141"

[[connect]]
channel = "SMU1/0"
hi = "force"

[[part]]
name = "K1"
kind = "relay"
a = "force"
b = "load"
coil = "Dut/port0/line3"

[[part]]
name = "R1"
kind = "resistor"
a = "load"
b = "GND"
value = 1000.0

[[part]]
name = "V1"
kind = "source"
a = "supply"
b = "GND"
voltage = 5.0
resistance = 0.1

[[part]]
name = "R2"
kind = "resistor"
a = "supply"
b = "Dut/port2/line7"
value = 100.0
"""


class BenchProcess:
    """A running `device-sim serve`."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address

    @property
    def gpio(self) -> str:
        """The option of `device-comm serve`."""
        return f"--gpio=bench:{self.address}"

    def kill(self) -> None:
        """Kill it by SIGKILL, with its children: on Windows, a Python of an environment has one."""
        process = psutil.Process(self.process.pid)
        for one in [*process.children(recursive=True), process]:
            one.kill()
        self.process.wait()


@contextmanager
def running_bench(folder: Path) -> Iterator[BenchProcess]:
    """Serve the bench until the end of the block."""
    (folder / "bench.toml").write_text(BENCH, encoding="utf-8")
    state = folder / "device-sim.json"
    command = [sys.executable, "-m", "device_sim", "serve", "--port=0"]
    command += [f"--bench={folder / 'bench.toml'}", f"--state-file={state}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "is ready" in line:
                break
        else:
            raise AssertionError("".join(said))
        bench = BenchProcess(process, json.loads(state.read_text())["device_server_address"])
        try:
            yield bench
        finally:
            if process.poll() is None:
                bench.kill()


@contextmanager
def measuring(bench: BenchProcess) -> Iterator[nidcpower.Session]:
    """Source 1 V with the SMU; `is_closed` reads whether its relay is closed."""
    with grpc.insecure_channel(bench.address, [("grpc.enable_http_proxy", 0)]) as channel:
        options = nidcpower.GrpcSessionOptions(channel, "")
        with nidcpower.Session("SMU1/0", grpc_options=options) as session:
            session.voltage_level = 1.0
            session.current_limit = 0.01
            with session.initiate():
                yield session


def is_closed(session: nidcpower.Session) -> bool:
    """Return whether the SMU drives the current of 1 V through 1 kOhm.

    The relay may switch during a measurement, which is then between the two: this measures twice.
    """
    measured = [session.measure_multiple()[0].current for _ in range(2)]
    settled = [one for one in measured if abs(one) < 1e-5 or abs(one - 1e-3) < 1e-5]
    assert settled, measured
    return settled[-1] > 0.5e-3
