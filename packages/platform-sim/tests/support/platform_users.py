"""Scripts that use a platform as another user of this machine; only root can start them."""

from __future__ import annotations

from functools import partial

import as_user

_IMPORTS = """
import tempfile
import grpc, psutil
from pathlib import Path
import grpc_reflection.v1alpha.reflection
import grpc_reflection.v1alpha.reflection_pb2 as reflection
import grpc_reflection.v1alpha.reflection_pb2_grpc as reflection_grpc
import session_pb2, session_pb2_grpc
from ni.measurementlink.discovery.v1 import discovery_service_pb2 as discovery
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc as discovery_grpc
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2 as pin_map
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2_grpc as pin_map_grpc
import ni.measurementlink.sessionmanagement.v1.session_management_service_pb2 as sessions
import ni.measurementlink.sessionmanagement.v1.session_management_service_pb2_grpc as sessions_grpc
import platform_sim.v1.sequences_pb2 as sequences_pb
import platform_sim.v1.sequences_pb2_grpc as sequences_grpc
import platform_sim.hook.inject.platform_sim_shim
from device_sim import DeviceServer
from device_sim.base.serving import load_driver
from device_sim.drivers import list_folders
from platform_sim.platform import Platform, PlatformOptions
DeviceServer().bench
drivers = [load_driver(folder) for folder in list_folders()]
"""

run_as = partial(as_user.run_as, imports=_IMPORTS)
running_as = partial(as_user.running_as, imports=_IMPORTS)
