"""Programs that only call plug-ins do not load NI's SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = "import sys; import {module}; print(*sys.modules)"
SDK = ("ni_measurement_plugin_sdk_service", "ni_grpc_extensions")


def loaded_by(module: str) -> set[str]:
    """Import a module in a fresh process, and return the names of all modules that it loads."""
    command = [sys.executable, "-c", LOADED.format(module=module)]
    return set(subprocess.check_output(command, text=True).split())


@pytest.mark.parametrize(
    "module", ["plugin_kit", "plugin_kit.calling", "plugin_kit.calling.extensions"]
)
def test_calling_loads_nothing_of_nis_sdk(module: str) -> None:
    loaded = loaded_by(module)
    assert module in loaded
    assert not loaded & set(SDK)
    assert "session_sharing" not in loaded


def test_the_errors_alone_load_no_grpc() -> None:
    assert "grpc" not in loaded_by("plugin_kit")


def test_a_command_line_is_made_without_nis_sdk() -> None:
    """The SDK reads .env in the current folder when it is imported, so it must be late."""
    assert "ni_measurement_plugin_sdk_service" not in loaded_by("plugin_kit.hosting")
