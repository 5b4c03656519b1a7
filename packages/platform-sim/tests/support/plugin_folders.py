"""Make plug-in folders for tests: the shipped test plug-ins, and some of a few lines."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

V1 = "ni.measurementlink.measurement.v1.MeasurementService"
V2 = "ni.measurementlink.measurement.v2.MeasurementService"
TEST_PLUGINS = Path(__file__).parent / "plugins"
TINY = "platform_sim.tests.Tiny"


def service_entry(service_class: str, **changes: object) -> dict[str, object]:
    """Return the entry of a service in a .serviceconfig file; None removes a key."""
    entry = {
        "displayName": service_class.rpartition(".")[2],
        "serviceClass": service_class,
        "descriptionUrl": "",
        "providedInterfaces": [V1, V2],
        "path": "start.bat",
        **changes,
    }
    return {key: value for key, value in entry.items() if value is not None}


def write_service_config(folder: Path, *entries: dict[str, object]) -> Path:
    """Write a .serviceconfig file and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "plugin.serviceconfig"
    file.write_text(json.dumps({"services": list(entries)}), encoding="utf-8")
    return file


def write_script_plugin(folder: Path, service_class: str, script: str, **changes: object) -> Path:
    """Write a plug-in whose process runs a few lines of Python."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "measurement.py").write_text(textwrap.dedent(script), encoding="utf-8")
    (folder / "start.bat").write_text("@echo off\r\npython measurement.py\r\n", encoding="utf-8")
    return write_service_config(folder, service_entry(service_class, **changes))


REGISTER_AND_WAIT = """
    import os, sys
    from pathlib import Path
    from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceInfo, ServiceLocation
    import socket

    listener = socket.create_server(("127.0.0.1", 0))
    with Path("starts.txt").open("a") as starts:
        starts.write(f"{os.getpid()}\\n")
    DiscoveryClient().register_service(
        ServiceInfo(CLASS, "", ["test.Interface"], {}, "Test", VERSIONS),
        ServiceLocation("localhost", str(listener.getsockname()[1]), ""),
    )
    sys.stdin.read()
"""
"""A service without gRPC that notes its process id, registers, and ends with its input."""


def write_plain_service(folder: Path, service_class: str, version: str = "") -> Path:
    """Write a service that starts fast. It only registers and listens."""
    head = f"CLASS, VERSIONS = {service_class!r}, {[version] if version else []!r}\n"
    changes: dict[str, object] = {"providedInterfaces": ["test.Interface"]}
    if version:
        changes["version"] = version
    return write_script_plugin(
        folder, service_class, head + textwrap.dedent(REGISTER_AND_WAIT), **changes
    )


def started_pids(folder: Path) -> list[int]:
    """Return the processes of a plain service, in the order of their starts."""
    file = folder / "starts.txt"
    return [int(line) for line in file.read_text().split()] if file.exists() else []
