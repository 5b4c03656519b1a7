"""A device server in this process, and the real NI drivers as its clients."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import nidcpower
import nidigital
import nidmm
import nifgen
import niscope
import niswitch
import pytest
from device_sim import DeviceServer, ManualClock

pytest_plugins = ["own_station"]

OpenDCPower = Callable[..., nidcpower.Session]
OpenDigital = Callable[..., nidigital.Session]
OpenDmm = Callable[..., nidmm.Session]
OpenFgen = Callable[..., nifgen.Session]
OpenScope = Callable[..., niscope.Session]
OpenSwitch = Callable[..., niswitch.Session]


def _leave(session: Any) -> None:
    """Close a session. The test may have closed it before, or stopped the server."""
    drivers = (nidcpower, nidigital, nidmm, nifgen, niscope, niswitch)
    try:
        session.__exit__(None, None, None)
    except tuple(driver.errors.DriverError for driver in drivers) as error:
        if error.code != -1074130544:
            raise
    except tuple(driver.errors.RpcError for driver in drivers) as error:
        if error.rpc_code is not grpc.StatusCode.UNAVAILABLE:
            raise


@pytest.fixture
def bench_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(content: str) -> Path:
        path = tmp_path / "bench.toml"
        path.write_text(content, encoding="utf-8")
        return path

    return write


@pytest.fixture
def clock() -> ManualClock:
    """Return virtual time: waits take no time, and readings depend only on programmed delays."""
    return ManualClock()


@pytest.fixture
def bench() -> Path | None:
    """Return no bench. Override this in a module or by parametrisation to wire instruments."""
    return None


@pytest.fixture
def server(bench: Path | None, clock: ManualClock, tmp_path: Path) -> Iterator[DeviceServer]:
    server = DeviceServer(bench, clock=clock, file_roots=[tmp_path])
    yield server
    server.stop()


@pytest.fixture
def address(server: DeviceServer) -> str:
    return f"127.0.0.1:{server.start()}"


@pytest.fixture
def channel(address: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(address) as channel:
        yield channel


@pytest.fixture
def open_dcpower(channel: grpc.Channel) -> Iterator[OpenDCPower]:
    with ExitStack() as stack:

        def open_session(
            resource: Any = "SMU1", *args: Any, model: str = "4141", name: str = "", **kwargs: Any
        ) -> nidcpower.Session:
            options = {"Simulate": True, "DriverSetup": {"Model": model, "BoardType": "PXIe"}}
            behavior = kwargs.pop("behavior", nidcpower.SessionInitializationBehavior.AUTO)
            grpc_options = nidcpower.GrpcSessionOptions(
                channel, name, initialization_behavior=behavior
            )
            with warnings.catch_warnings():
                # Legacy sessions and `channels` are deprecated, but tested, too.
                warnings.simplefilter("ignore", DeprecationWarning)
                session = nidcpower.Session(
                    resource,
                    *args,
                    options=kwargs.pop("options", options),
                    grpc_options=grpc_options,
                    **kwargs,
                )
            stack.callback(_leave, session)
            return session

        yield open_session


@pytest.fixture
def open_digital(channel: grpc.Channel) -> Iterator[OpenDigital]:
    with ExitStack() as stack:

        def open_session(
            resource: str = "DIG1", *, model: str = "6570", name: str = "", **kwargs: Any
        ) -> nidigital.Session:
            options = {"Simulate": True, "DriverSetup": {"Model": model, "BoardType": "PXIe"}}
            behavior = kwargs.pop("behavior", nidigital.SessionInitializationBehavior.AUTO)
            grpc_options = nidigital.GrpcSessionOptions(
                channel, name, initialization_behavior=behavior
            )
            session = nidigital.Session(
                resource,
                options=kwargs.pop("options", options),
                grpc_options=grpc_options,
                **kwargs,
            )
            stack.callback(_leave, session)
            return session

        yield open_session


@pytest.fixture
def open_dmm(channel: grpc.Channel) -> Iterator[OpenDmm]:
    with ExitStack() as stack:

        def open_session(
            resource: str = "DMM1", *, model: str = "4081", name: str = "", **kwargs: Any
        ) -> nidmm.Session:
            options = {"Simulate": True, "DriverSetup": {"Model": model, "BoardType": "PXIe"}}
            behavior = kwargs.pop("behavior", nidmm.SessionInitializationBehavior.AUTO)
            grpc_options = nidmm.GrpcSessionOptions(channel, name, initialization_behavior=behavior)
            session = nidmm.Session(
                resource,
                options=kwargs.pop("options", options),
                grpc_options=grpc_options,
                **kwargs,
            )
            stack.callback(_leave, session)
            return session

        yield open_session


@pytest.fixture
def open_fgen(channel: grpc.Channel) -> Iterator[OpenFgen]:
    with ExitStack() as stack:

        def open_session(
            resource: str = "FGEN1",
            channels: Any = None,
            *,
            model: str = "5433 (2CH)",
            name: str = "",
            **kwargs: Any,
        ) -> nifgen.Session:
            options = {"Simulate": True, "DriverSetup": {"Model": model, "BoardType": "PXIe"}}
            behavior = kwargs.pop("behavior", nifgen.SessionInitializationBehavior.AUTO)
            grpc_options = nifgen.GrpcSessionOptions(
                channel, name, initialization_behavior=behavior
            )
            session = nifgen.Session(
                resource,
                channels,
                options=kwargs.pop("options", options),
                grpc_options=grpc_options,
                **kwargs,
            )
            stack.callback(_leave, session)
            return session

        yield open_session


@pytest.fixture
def open_scope(channel: grpc.Channel) -> Iterator[OpenScope]:
    with ExitStack() as stack:

        def open_session(
            resource: str = "SCOPE1", *, model: str = "5164", name: str = "", **kwargs: Any
        ) -> niscope.Session:
            options = {"Simulate": True, "DriverSetup": {"Model": model, "BoardType": "PXIe"}}
            behavior = kwargs.pop("behavior", niscope.SessionInitializationBehavior.AUTO)
            grpc_options = niscope.GrpcSessionOptions(
                channel, name, initialization_behavior=behavior
            )
            session = niscope.Session(
                resource,
                options=kwargs.pop("options", options),
                grpc_options=grpc_options,
                **kwargs,
            )
            stack.callback(_leave, session)
            return session

        yield open_session


@pytest.fixture
def open_switch(channel: grpc.Channel) -> Iterator[OpenSwitch]:
    with ExitStack() as stack:

        def open_session(
            resource: str = "SWITCH1",
            topology: str = "2737/2-Wire 4x64 Matrix",
            *,
            name: str = "",
            **kwargs: Any,
        ) -> niswitch.Session:
            behavior = kwargs.pop("behavior", niswitch.SessionInitializationBehavior.AUTO)
            options = niswitch.GrpcSessionOptions(channel, name, initialization_behavior=behavior)
            session = niswitch.Session(resource, topology, grpc_options=options, **kwargs)
            stack.callback(_leave, session)
            return session

        yield open_session
