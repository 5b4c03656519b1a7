"""Call any driver by the descriptor of its service, without its Python package."""

from __future__ import annotations

from typing import Any

import grpc
from device_sim.base.driver import Driver
from device_sim.base.wire import session_field

PATIENCE = 60.0
INVALID_SESSION = -1074130544

Answer = tuple[grpc.StatusCode, int | None, str]
"""A call's status, the driver's code if there is one, and the text of the error."""


def messages(driver: Driver) -> dict[str, type]:
    """Return the classes of a driver's messages by name."""
    module = driver.protobuf
    return {name: getattr(module, name) for name in module.DESCRIPTOR.message_types_by_name}


def request_for(driver: Driver, rpc: str, name: str) -> Any:
    """Return an empty request of a call on the session `name`."""
    request = messages(driver)[driver.descriptor.methods_by_name[rpc].input_type.name]()
    field = session_field(request.DESCRIPTOR)
    if field:
        session = getattr(request, field)
        # A call for several sessions has a list of them.
        (session.add() if hasattr(session, "add") else session).name = name
    return request


def send(
    channel: grpc.Channel, driver: Driver, rpc: str, request: Any, timeout: float = PATIENCE
) -> Any:
    """Return the answer of a call.

    Raises:
        grpc.RpcError: The call failed.
    """
    method = driver.descriptor.methods_by_name[rpc]
    types = messages(driver)
    call = channel.unary_unary(
        f"/{driver.interface}/{rpc}",
        types[method.input_type.name].SerializeToString,  # type: ignore[attr-defined]
        types[method.output_type.name].FromString,  # type: ignore[attr-defined]
    )
    return call(request, timeout=timeout)


def verdict(error: grpc.RpcError) -> Answer:
    """Return how a call failed."""
    code = dict(error.trailing_metadata()).get("ni-error")
    return error.code(), int(code) if code else None, error.details()


def invoke(
    channel: grpc.Channel, driver: Driver, rpc: str, request: Any, timeout: float = PATIENCE
) -> Answer:
    """Return how a call went."""
    try:
        response = send(channel, driver, rpc, request, timeout)
    except grpc.RpcError as error:
        return verdict(error)
    return grpc.StatusCode.OK, response.status, ""


def open_session(
    channel: grpc.Channel, driver: Driver, name: str = "", behavior: int = 0, device: str = "Dev1"
) -> tuple[str, bool]:
    """Open a session of the default model.

    Returns:
        Its name, and whether this call created it.

    Raises:
        grpc.RpcError: The driver refuses.
    """
    rpc = next(
        rpc
        for rpc in driver.folder.initialisers
        if "option_string" in driver.descriptor.methods_by_name[rpc].input_type.fields_by_name
    )
    request = request_for(driver, rpc, "")
    request.resource_name = device
    request.session_name = name
    request.option_string = "Simulate=1"
    request.initialization_behavior = behavior
    answer = send(channel, driver, rpc, request)
    session = getattr(answer, session_field(answer.DESCRIPTOR))
    return session.name, answer.new_session_initialized


def close_session(channel: grpc.Channel, driver: Driver, name: str) -> Answer:
    """Close a session, and return how that went."""
    return invoke(channel, driver, "Close", request_for(driver, "Close", name))
