"""Make the NI SDK of this process find an open platform. Off Windows and standard library only.

The SDK's `_get_discovery_service_address` finds NI's discovery service through the Windows
registry and raises NotImplementedError elsewhere. This module replaces it when the process imports
the SDK module that defines it. A process that never imports the SDK has the cost of one finder on
`sys.meta_path`, which looks up each name in a table.
"""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_DISCOVERY_PACKAGES = (
    "ni.measurementlink.discovery.v1.client",  # version 3 of the SDK
    "ni_measurement_plugin_sdk_service.discovery",  # version 2
    "ni_measurementlink_service.discovery",  # version 1, 1.3 and later
)
_ADDRESS_MODULES = (
    *(f"{package}._support" for package in _DISCOVERY_PACKAGES),
    # This module imports the function by name, so it needs the replacement too if it came first.
    *(f"{package}._client" for package in _DISCOVERY_PACKAGES),
    "ni_measurementlink_service._internal.discovery_client",  # 1.0 to 1.2
)
_SERVER_MODULES = (
    "ni_measurement_plugin_sdk_service._internal.service_manager",
    "ni_measurementlink_service._internal.service_manager",
)
_NOT_RUNNING = (
    "The discovery service is not running: no measurement platform was found. Start one with "
    "'platform-sim up' and run this program with 'platform-sim exec -- PROGRAM'. Or set "
    "PLATFORM_SIM_DISCOVERY=HOST:PORT."
)
LEFT_BY = "measure left by "
"""Start of the error text when a measurement ended with SystemExit or KeyboardInterrupt.

Callers use the copy in `plugin_kit.calling.extensions`, which this module cannot import everywhere.
"""

_WHY_AN_EXCEPTION = (
    "gRPC answers such a call only if an Exception ends it, so on a station the caller would "
    "wait forever. Raise an Exception instead."
)
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_LARGEST_STATE_FILE = 64 * 1024
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def discovery_address() -> str:
    """Return HOST:PORT of the discovery service.

    Raises:
        FileNotFoundError: No platform was found. The SDK reports this error as "discovery service
            not running".
    """
    address = os.environ.get("PLATFORM_SIM_DISCOVERY")
    if address:
        return address
    state = _read_state_file()
    if state and _is_alive(state["pid"]):
        return str(state["discovery_address"])
    raise FileNotFoundError(_NOT_RUNNING)


def _read_state_file() -> dict[str, object]:
    import json

    path = os.environ.get("PLATFORM_SIM_STATE_FILE")
    if not path:
        try:
            from platform_sim.errors import StateFileError
            from platform_sim.state_file import default_state_file
        except ImportError:  # an environment without the package uses the variables only
            return {}
        try:
            path = str(default_state_file())
        except StateFileError:  # another user owns the runtime folder
            return {}
    try:
        state = json.loads(_read_private(path))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) and {"pid", "discovery_address"} <= set(state) else {}


def _read_private(path: str) -> bytes:
    """Return the content of a file that only this user can have written.

    Environments without the package need this, too. So it does not use the package's own check.

    Raises:
        OSError: Another user could have written it, it is not a file, or it cannot be read.
    """
    if sys.platform == "win32":  # the hook does nothing on Windows
        raise PermissionError(path)
    user = os.geteuid()
    place = os.path.realpath(os.path.dirname(path))  # noqa: PTH120
    while True:
        folder = os.stat(place)  # noqa: PTH116
        others_write = folder.st_mode & _WRITABLE_BY_OTHERS and not folder.st_mode & stat.S_ISVTX
        if folder.st_uid not in (0, user) or others_write:
            raise PermissionError(f"Other users can create files in {place}.")
        if place == os.path.dirname(place):  # noqa: PTH120
            break
        place = os.path.dirname(place)  # noqa: PTH120
    _require_own(os.lstat(path), user)
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _require_own(os.fstat(handle), user)
        return os.read(handle, _LARGEST_STATE_FILE)
    finally:
        os.close(handle)


def _require_own(file: os.stat_result, user: int) -> None:
    is_own = stat.S_ISREG(file.st_mode) and file.st_uid == user
    if not is_own or file.st_mode & _WRITABLE_BY_OTHERS:
        raise PermissionError("The state file must belong to this user, and no other may use it.")


def _is_alive(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
    except (OSError, ValueError):  # no such process, or another user's
        return False
    return True


def _ipv6_loopback_works() -> bool:
    import socket

    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _replace_address_function(module: ModuleType) -> None:
    setattr(module, "_get_discovery_service_address", discovery_address)  # noqa: B010


class _AnsweringInterceptor:
    """End a call with an error if its measurement ended with SystemExit or KeyboardInterrupt."""

    def __init__(self, grpc: ModuleType) -> None:
        self._grpc = grpc

    def intercept_service(self, continuation: Callable[[object], Any], details: object) -> Any:
        handler = continuation(details)
        if handler is None or handler.request_streaming:
            return handler
        if handler.response_streaming:
            make, behavior = self._grpc.unary_stream_rpc_method_handler, self._stream
            method = handler.unary_stream
        else:
            make, behavior = self._grpc.unary_unary_rpc_method_handler, self._call
            method = handler.unary_unary
        return make(
            lambda request, context: behavior(method, request, context),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    @staticmethod
    def _call(method: Callable[..., Any], request: object, context: object) -> Any:
        try:
            return method(request, context)
        except Exception:
            raise
        except BaseException as error:
            raise RuntimeError(_leaving(error)) from error

    def _stream(
        self, method: Callable[..., Any], request: object, context: object
    ) -> Iterator[Any]:
        responses = self._call(method, request, context)
        try:
            while True:
                try:
                    response = self._call(lambda *_: next(responses), request, context)
                except StopIteration:
                    return
                yield response
        finally:
            responses.close()


def _leaving(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        how = f"sys.exit({'' if error.code is None else repr(error.code)})"
    else:
        how = repr(error)
    return f"{LEFT_BY}{how}. {_WHY_AN_EXCEPTION}"


def _change_server(module: ModuleType) -> None:
    """Make the SDK's measurement server answer every call, and work without IPv6.

    The SDK listens on [::1]. If that does not exist, the server listens on 127.0.0.1.
    """
    grpc = module.grpc
    only_here = type(sys)("grpc")
    only_here.__dict__.update(grpc.__dict__)

    def server(*args: object, **kwargs: Any) -> object:
        interceptors = (*(kwargs.pop("interceptors", None) or ()), _AnsweringInterceptor(grpc))
        made = grpc.server(*args, interceptors=interceptors, **kwargs)
        if not _ipv6_loopback_works():
            bind = made.add_insecure_port
            made.add_insecure_port = lambda address: bind(address.replace("[::1]:", "127.0.0.1:"))
        return made

    only_here.server = server  # type: ignore[attr-defined]
    module.grpc = only_here  # type: ignore[attr-defined]


_CHANGES: dict[str, Callable[[ModuleType], None]] = {
    **dict.fromkeys(_ADDRESS_MODULES, _replace_address_function),
    **dict.fromkeys(_SERVER_MODULES, _change_server),
}


class _ChangingLoader:
    """Load a module with its real loader, then change it."""

    def __init__(self, loader: Any, change: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._change = change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:  # tracebacks and inspect get the source from the real loader
            spec.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._change(module)


class PlatformSimFinder:
    """Find the SDK's modules with the other finders, and change each one when it is executed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module to change, None for any other module."""
        change = _CHANGES.get(fullname)
        if change is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _ChangingLoader(spec.loader, change)  # type: ignore[assignment]
                return spec
        return None


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent process ends. Plug-ins need this."""
    if os.environ.pop("PLATFORM_SIM_DIE_WITH_PARENT", "") != "1" or sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def install() -> None:
    """Install the hook in this process. Do nothing on Windows or if it is installed."""
    if sys.platform == "win32":
        return
    _die_with_parent()
    if any(type(finder).__name__ == PlatformSimFinder.__name__ for finder in sys.meta_path):
        return
    for name, change in _CHANGES.items():
        if name in sys.modules:
            change(sys.modules[name])
    sys.meta_path.insert(0, PlatformSimFinder())
