"""Scripts that run as another user of this machine; only root can start them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

OWNER, STRANGER = 10_001, 10_002
"""Two users without a name."""

needs_users = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can act as other users"
)

# All is imported first: another user may not be able to read this Python's packages.
_BECOME = """
import encodings.ascii, encodings.idna, os, sys
import grpc, psutil
from pathlib import Path
import grpc_reflection.v1alpha.reflection_pb2 as reflection
import grpc_reflection.v1alpha.reflection_pb2_grpc as reflection_grpc
import session_pb2, session_pb2_grpc
from ni.measurementlink.discovery.v1 import discovery_service_pb2 as discovery
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc as discovery_grpc
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2 as pin_map
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2_grpc as pin_map_grpc
import ni.measurementlink.sessionmanagement.v1.session_management_service_pb2 as sessions
import ni.measurementlink.sessionmanagement.v1.session_management_service_pb2_grpc as sessions_grpc
import platform_sim.hook.inject.platform_sim_shim, session_sharing.peer_user
from device_sim import DeviceServer
from platform_sim.platform import Platform, PlatformOptions
DeviceServer()._load().handlers
uid = int(sys.argv[1])
os.setgroups([])
os.setgid(uid)
os.setuid(uid)
"""


def _command(uid: int, script: str, arguments: tuple[object, ...]) -> list[str]:
    code = _BECOME + textwrap.dedent(script)
    return [sys.executable, "-c", code, str(uid), *map(str, arguments)]


def run_as(uid: int, script: str, *arguments: object) -> list[str]:
    """Returns the lines that a script printed; its arguments begin at sys.argv[2]."""
    done = subprocess.run(
        _command(uid, script, arguments),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@contextmanager
def running_as(uid: int, script: str, *arguments: object) -> Iterator[str]:
    """Runs a script until the end of a with statement, and gives the first line it printed.

    The script ends with its standard input.
    """
    with subprocess.Popen(
        _command(uid, script, arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(60)
