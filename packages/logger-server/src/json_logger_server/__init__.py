"""Serve log files that many measurement plug-ins write at the same time.

Usually you need only the command `json-logger`, and in tests the fixtures of
`json_logger_server.testing`. The names that this package exports are for programs that run a logger
in their own process: fill in `ServerOptions`, and call `serve`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from json_logger_server.json_log import Durability, FileLimits
    from json_logger_server.server import ServerOptions, build_host, serve
    from json_logger_server.storage.paths import LogRoots

__all__ = ["Durability", "FileLimits", "LogRoots", "ServerOptions", "build_host", "serve"]

_MODULES = {"Durability": "json_log", "FileLimits": "json_log", "LogRoots": "storage.paths"}


def __getattr__(name: str) -> object:
    """Import the server when it is first used, because pytest loads this package in every run."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"json_logger_server.{_MODULES.get(name, 'server')}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
