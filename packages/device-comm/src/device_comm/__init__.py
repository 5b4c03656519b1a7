"""Use a custom instrument, its registers and GPIO lines, that several measurement plug-ins share.

Start with `DeviceCommunicationClient`, and in a measurement plug-in with
`DeviceCommunicationSessionConstructor` (extra ``[ni]``). The extra ``[server]`` brings the command
`device-comm` and `device_comm.server`. Every error is a `SessionSharingError`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from device_comm.names import INSTRUMENT_TYPE as DEVICE_COMMUNICATION_INSTRUMENT_TYPE
from device_comm.names import Protocol

if TYPE_CHECKING:
    from session_sharing.client import (
        CallTimeoutError,
        ClosePolicy,
        Connection,
        ConnectionClosedError,
        ConnectOptions,
        InheritedClientError,
        InitializationBehavior,
        InvalidArgumentError,
        LimitExceededError,
        NameInUseError,
        NotAResourceError,
        NotAuthenticatedError,
        NotPermittedError,
        ReentrantCallError,
        ResourceBusyError,
        ResourceFailedError,
        ResourceInUseError,
        ResourceLostError,
        ResourceNotFoundError,
        ServerDrainingError,
        ServerRestartedError,
        ServerUnavailableError,
        SessionAlreadyOpenError,
        SessionExpiredError,
        SessionNotFoundError,
        SessionOptions,
        SessionSharingError,
        StorageFullError,
        UnexpectedStatusError,
    )

    from device_comm.client.bits import BitsError
    from device_comm.client.client import DeviceCommunicationClient
    from device_comm.client.locating import locate_device_server
    from device_comm.client.session_constructor import DeviceCommunicationSessionConstructor

__all__ = [
    "DEVICE_COMMUNICATION_INSTRUMENT_TYPE",
    "BitsError",
    "CallTimeoutError",
    "ClosePolicy",
    "ConnectOptions",
    "Connection",
    "ConnectionClosedError",
    "DeviceCommunicationClient",
    "DeviceCommunicationSessionConstructor",
    "InheritedClientError",
    "InitializationBehavior",
    "InvalidArgumentError",
    "LimitExceededError",
    "NameInUseError",
    "NotAResourceError",
    "NotAuthenticatedError",
    "NotPermittedError",
    "Protocol",
    "ReentrantCallError",
    "ResourceBusyError",
    "ResourceFailedError",
    "ResourceInUseError",
    "ResourceLostError",
    "ResourceNotFoundError",
    "ServerDrainingError",
    "ServerRestartedError",
    "ServerUnavailableError",
    "SessionAlreadyOpenError",
    "SessionExpiredError",
    "SessionNotFoundError",
    "SessionOptions",
    "SessionSharingError",
    "StorageFullError",
    "UnexpectedStatusError",
    "locate_device_server",
]

_MODULES = {
    "BitsError": "bits",
    "DeviceCommunicationClient": "client",
    "DeviceCommunicationSessionConstructor": "session_constructor",
    "locate_device_server": "locating",
}
"""Modules of the client half by exported name. All other names are of `session_sharing.client`."""


def __getattr__(name: str) -> object:
    """Import a name when it is first used, because the session constructor needs an extra."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    own = _MODULES.get(name)
    module = import_module(f"{__name__}.client.{own}" if own else "session_sharing.client")
    found: object = getattr(module, name)
    return found


def __dir__() -> list[str]:
    return __all__
