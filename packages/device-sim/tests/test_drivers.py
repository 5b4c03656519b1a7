"""A driver is one folder. A new driver changes no other file."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import nidmm
import nidmm.nidmm_pb2 as nidmm_pb2
import pytest
from device_sim import DeviceServer, drivers, list_models
from device_sim.base.error_table import ErrorTable
from every_driver import DRIVERS
from nidmm import nidmm_pb2_grpc

DATA = """
package = "nidmm"
extra = "dmm"
protobuf = "nidmm.nidmm_pb2"
interface = "nidmm_grpc.NiDmm"

[initialisers]
InitWithOptions = "device"
"""
MODELS = """
default = "42"

[models.42]
board = "PXIe"
unverified = ""
"""
PHYSICS = """
from device_sim.base.driver import Physics
from device_sim.base.instrument import InstrumentSession


class Calls:
    def read(self, session, request, call):
        return {"reading": 42.0}


PHYSICS = Physics(InstrumentSession, (Calls(),))
"""


@pytest.fixture
def only_driver(tmp_path, monkeypatch):
    """Replace the package's driver folder by one with a single new driver."""
    folder = tmp_path / "onecall"
    folder.mkdir()
    files = {"__init__.py": "", "driver.toml": DATA, "models.toml": MODELS, "physics.py": PHYSICS}
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    monkeypatch.setattr(drivers, "__path__", [str(tmp_path)])
    yield
    for module in [name for name in sys.modules if name.startswith(f"{drivers.__name__}.onecall")]:
        del sys.modules[module]


def test_a_new_folder_is_a_new_driver(only_driver):
    server = DeviceServer()
    assert server.interfaces == ["nidmm_grpc.NiDmm"]
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
        options = nidmm.GrpcSessionOptions(channel, "")
        with nidmm.Session("Dev1", options="Simulate=1", grpc_options=options) as session:
            assert session.instrument_model == "NI PXIe-42"
            assert session.read() == 42.0
            session.sample_count = 3  # Attributes, errors and sessions come with the base.
            assert session.sample_count == 3
            with pytest.raises(nidmm.errors.DriverError) as caught:
                session.fetch()
            assert caught.value.code == -1074135023
            assert "Not simulated: Fetch" in caught.value.description
    server.stop()


def test_the_drivers_of_this_package_announce_their_services():
    served = [driver.interface for driver in DRIVERS.values()]
    expected = [
        "nidaqmx_grpc.NiDAQmx",
        "nidcpower_grpc.NiDCPower",
        "nidigitalpattern_grpc.NiDigital",
        "nidmm_grpc.NiDmm",
        "nifgen_grpc.NiFgen",
        "niscope_grpc.NiScope",
        "niswitch_grpc.NiSwitch",
    ]
    assert drivers.list_interfaces() == served == expected


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)
def test_data_files_name_existing_calls_features_and_errors_only(driver):
    tables = driver.folder.read("calls.toml")
    calls = {rpc.removesuffix("WithChannels") for rpc in driver.rpcs}
    for table in ("configures", "create", "sets", "constants", "requires", "accepted", "aliases"):
        assert set(tables.get(table, ())) <= calls, table
    streams = {m.name for m in driver.descriptor.methods if m.server_streaming}
    assert driver.folder.streams == streams
    assert set(driver.folder.initialisers) <= set(driver.rpcs)
    rows = driver.folder.models.rows.values()
    features = {name for row in rows for name in row.get("features", ())}
    assert set(tables.get("requires", {}).values()) <= features
    errors = ErrorTable(driver.folder.path)
    for file in driver.folder.path.glob("*.py"):
        for name in re.findall(r"\bERRORS\.(\w+)", file.read_text("utf-8")):
            assert getattr(errors, name)


def without(*packages: str) -> str:
    """Return code that makes packages fail to import, as if they were not installed."""
    return f"import sys; sys.modules.update(dict.fromkeys({packages}));"


def test_a_driver_whose_package_is_not_installed_is_left_out():
    code = without("nidaqmx", "nidigital", "nidmm", "nifgen", "niscope", "niswitch") + (
        "from device_sim import DeviceServer, list_models; server = DeviceServer(); server.bench; "
        "print(server.interfaces, {model.driver for model in list_models()})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "['nidcpower_grpc.NiDCPower'] {'nidcpower'}", done.stderr


def test_a_bench_with_a_model_of_a_driver_that_is_not_installed_names_the_extra(bench_file):
    file = bench_file('[instruments.DMM1]\nmodel = "4081"\n')
    code = without("nidmm") + (
        "from pathlib import Path; from device_sim import DeviceServer; "
        f"DeviceServer(Path({str(file)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "no model '4081'" in done.stderr
    assert "To get it, install the extra dmm of measurement-device-sim" in done.stderr


def test_without_any_drivers_package_a_server_says_what_to_install():
    code = (
        without("nidaqmx", "nidcpower", "nidigital", "nidmm", "nifgen", "niscope", "niswitch")
        + "from device_sim import DeviceServer; DeviceServer()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "NoDriverError" in done.stderr
    assert (
        "'measurement-device-sim[all]', or an extra for each driver: daqmx, dcpower, digital, "
        "dmm, fgen, "
        "scope, switch" in done.stderr
    )


def test_a_server_listens_before_it_loads_drivers_and_physics():
    code = (
        "import sys; from device_sim import DeviceServer; server = DeviceServer(); "
        "server.start(); server.stop(); "
        "known = {'numpy', 'nidaqmx', 'nidcpower', 'nidigital', 'nidmm', 'niscope'}; "
        "print(*known & {*sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (loaded.stdout.strip(), loaded.stderr) == ("", "")


def test_simultaneous_first_calls_get_the_same_bench():
    server, together = DeviceServer(), threading.Barrier(8)

    def arrive(_: int) -> object:
        together.wait()
        return server.bench

    with ThreadPoolExecutor(8) as pool:
        assert len({id(bench) for bench in pool.map(arrive, range(8))}) == 1


def test_models_say_which_of_their_figures_are_not_verified():
    models = {model.number: model for model in list_models()}
    required = {"4141", "4162", "4190", "4135", "4137", "4112"}
    required |= {"4080", "4081", "4082", "4065", "4070", "4071", "4072"}
    assert required <= models.keys()
    assert all(models[number].unverified for number in required)
    assert {m.number for m in models.values() if m.default} == {
        "4141",
        "4081",
        "6363",
        "6570",
        "5433 (2CH)",
        "5162 (4CH)",
        "2737/2-Wire 4x64 Matrix",
    }


def test_a_server_is_started_once():
    server = DeviceServer()
    server.start()
    with pytest.raises(RuntimeError, match="started already"):
        server.start()
    server.stop()
    server.stop()


def test_a_taken_port_is_refused():
    server, second = DeviceServer(), DeviceServer()
    port = server.start()
    with pytest.raises(RuntimeError):
        second.start(f"127.0.0.1:{port}")
    server.stop()


def test_calls_without_a_python_method_are_served_too(open_dmm, channel):
    dmm = open_dmm("DMM1", name="mine")
    stub = nidmm_pb2_grpc.NiDmmStub(channel)
    vi = {"name": "mine"}
    stub.ConfigureACBandwidth(
        nidmm_pb2.ConfigureACBandwidthRequest(
            vi=vi, ac_minimum_frequency_hz=50, ac_maximum_frequency_hz=1e4
        )
    )
    assert (dmm.ac_min_freq, dmm.ac_max_freq) == (50.0, 1e4)
    period = stub.GetMeasurementPeriod(nidmm_pb2.GetMeasurementPeriodRequest(vi=vi)).period
    assert period == pytest.approx(500e-6)
    assert stub.IsOverRange(
        nidmm_pb2.IsOverRangeRequest(vi=vi, measurement_value=float("nan"))
    ).is_over_range
    check = nidmm_pb2.CheckAttributeViInt32Request(
        vi=vi, attribute_id=1250301, attribute_value_raw=-4
    )
    with pytest.raises(grpc.RpcError) as caught:
        stub.CheckAttributeViInt32(check)
    assert dict(caught.value.trailing_metadata())["ni-error"] == "-1074135024"
    revision = stub.RevisionQuery(nidmm_pb2.RevisionQueryRequest(vi=vi))
    assert "device-sim" in revision.instrument_driver_revision
