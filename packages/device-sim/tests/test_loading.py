"""A driver is loaded at its first call, in that call's thread. Others do not wait for it."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import ModuleType

import grpc
import pytest
from device_sim import drivers
from device_sim.server.loading import giving_way

PACKAGES = {"nidaqmx", "nidcpower", "nidigital", "nidmm", "nifgen", "niscope", "niswitch", "numpy"}

DATA = """
package = "nidcpower"
extra = "dcpower"
protobuf = "nidcpower.nidcpower_pb2"
interface = "nidcpower_grpc.NiDCPower"

[initialisers]
InitializeWithIndependentChannels = "independent"
"""
MODELS = '[models.1]\nboard = "PXI"\nunverified = ""\n'
PHYSICS = """
import gate
from device_sim.base.driver import Physics
from device_sim.base.instrument import InstrumentSession

gate.entered.set()
assert gate.opened.wait(100)
PHYSICS = Physics(InstrumentSession)
"""


class Gate(ModuleType):
    """The module with which a test holds up an import."""

    def __init__(self) -> None:
        super().__init__("gate")
        self.entered = threading.Event()
        self.opened = threading.Event()


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """Put a driver before that of nidcpower which loads only when the gate is opened."""
    folder = tmp_path / "drivers" / "slow"
    folder.mkdir(parents=True)
    files = {
        "__init__.py": "",
        "driver.toml": DATA,
        "models.toml": f'default = "1"\n{MODELS}',
        "physics.py": PHYSICS,
    }
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    gate = Gate()
    monkeypatch.setitem(sys.modules, "gate", gate)
    monkeypatch.setattr(drivers, "__path__", [str(folder.parent), *drivers.__path__])
    yield gate
    gate.opened.set()
    for module in [name for name in sys.modules if name.startswith(f"{drivers.__name__}.slow")]:
        del sys.modules[module]


def unary(channel, method: str):
    return channel.unary_unary(f"/nidcpower_grpc.NiDCPower/{method}")


def test_sessions_of_other_drivers_go_on_while_a_driver_is_loaded(gate, channel, open_dmm):
    with ThreadPoolExecutor(8) as pool, ExitStack() as finally_:
        finally_.callback(gate.opened.set)
        waiting = [pool.submit(unary(channel, "Close"), b"", timeout=100) for _ in range(8)]
        assert gate.entered.wait(60)
        with open_dmm() as dmm:
            assert dmm.read() == 500.0
        assert not any(call.done() for call in waiting)
        gate.opened.set()
        for call in waiting:
            error = call.exception(60)
            assert dict(error.trailing_metadata())["ni-error"] == "-1074130544"


@pytest.mark.parametrize("rpc", ["Close", "GetAttributeViReal64", "InitializeWithChannels"])
def test_what_is_no_request_is_refused_before_and_after_loading(channel, rpc):
    for _ in range(2):  # the first call loads the driver
        with pytest.raises(grpc.RpcError) as caught:
            unary(channel, rpc)(b"\xff\xff", timeout=60)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_unknown_call_is_not_implemented_before_and_after_loading(channel):
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as caught:
            unary(channel, "NoSuchCall")(b"", timeout=60)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def loaded(code: str) -> str:
    """Return the packages of NI that are imported after some code in another process."""
    code += f"\nimport sys; print(*sorted({PACKAGES} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


DURING_THE_IMPORT = """
import grpc, nidmm.nidmm_pb2 as pb, nidmm.nidmm_pb2_grpc as stubs
from device_sim import DeviceServer
server = DeviceServer()
channel = grpc.insecure_channel(f"127.0.0.1:{server.start()}")
dmm = stubs.NiDmmStub(channel)
options = {"resource_name": "DMM1", "option_string": "Simulate=1"}
vi = dmm.InitWithOptions(pb.InitWithOptionsRequest(**options)).vi
task = channel.unary_unary("/nidaqmx_grpc.NiDAQmx/CreateTask").future(b"", timeout=100)
readings = 0
while not task.done():
    readings += dmm.Read(pb.ReadRequest(vi=vi, maximum_time=1000)).reading == 500.0
task.result()
server.stop()
print(readings, end="#")
"""


def test_a_multimeter_reads_while_the_longest_of_the_packages_is_imported():
    readings, _, packages = loaded(DURING_THE_IMPORT).partition("#")
    assert "nidaqmx" in packages
    assert int(readings) > 5


def test_models_are_listed_without_loading_a_driver():
    assert loaded("from device_sim import list_models; assert len(list_models()) > 10") == ""


def test_a_bench_file_is_checked_without_loading_a_driver(bench_file):
    file = bench_file('[instruments.DMM1]\nmodel = "4082"\n[instruments.SMU1]\nmodel = "4147"\n')
    code = f"from pathlib import Path; from device_sim import *; DeviceServer(Path({str(file)!r}))"
    assert loaded(code) == "numpy"


REFLECTION = """
import grpc
from device_sim import DeviceServer
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
server = DeviceServer()
channel = grpc.insecure_channel(f"127.0.0.1:{server.start()}")
database = ProtoReflectionDescriptorDatabase(channel)
assert len(database.get_services()) >= 5
"""


def test_reflection_lists_services_without_loading_a_driver():
    assert loaded(f"{REFLECTION}server.stop()") == ""


@pytest.mark.parametrize(
    "look", ["FindFileByName('nidmm.proto')", "FindFileContainingSymbol('nidmm_grpc.ReadRequest')"]
)
def test_reflection_loads_the_messages_that_it_is_asked_for_only(look):
    assert loaded(f"{REFLECTION}database.{look}\nserver.stop()") == "nidmm"


def test_imports_give_way_to_other_threads_until_the_last_one_ends():
    usual = sys.getswitchinterval()
    with giving_way():
        with giving_way():
            assert sys.getswitchinterval() < usual / 5
        assert sys.getswitchinterval() < usual / 5
    assert sys.getswitchinterval() == usual
