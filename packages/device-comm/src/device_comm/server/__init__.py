"""Serve devices that many measurement plug-ins use at the same time.

Usually you need only the command `device-comm`. The names that this subpackage exports are for
programs that run a device server in their own process: fill in `ServerOptions`, and call `serve`.
This subpackage needs the extra `server`.
"""

from device_comm.server.bench_lines import BenchAddress
from device_comm.server.register_map import MapRoots
from device_comm.server.server import ServerOptions, build_host, serve

__all__ = ["BenchAddress", "MapRoots", "ServerOptions", "build_host", "serve"]
