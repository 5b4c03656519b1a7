"""A log file that many measurement plug-ins write to at once.

The command `json-logger` serves it, and the fixtures of `json_logger_server.testing` serve tests.
What is exported here is for programs that run a logger inside themselves: fill in `ServerOptions`
and `serve`.
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
    """Import the server only when it is asked for; pytest loads this package in every run."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"json_logger_server.{_MODULES.get(name, 'server')}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
