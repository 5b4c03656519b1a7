"""Pytest plugin of this project's tests: hide the station of the user who runs them.

A server that runs, the state file of a killed one, or a variable that names a server must not
decide a test. Child processes inherit this environment.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile

import pytest

RUNTIME_FOLDER = "WIN_PD_OVERRIDE_LOCAL_APPDATA" if sys.platform == "win32" else "XDG_RUNTIME_DIR"
"""The variable that says where this user's state files lie; that of Windows is platformdirs'."""
_PREFIXES = ("DEVICE_COMM_", "JSON_LOGGER_", "PLATFORM_SIM_", "MEASUREMENT_PLUGIN_")
_FOLDERS = (RUNTIME_FOLDER, "XDG_DATA_HOME", "XDG_STATE_HOME")


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests folders of their own, and no variable that names a server."""
    for name in [name for name in os.environ if name.startswith(_PREFIXES)]:
        del os.environ[name]
    folder = tempfile.mkdtemp(prefix="st-")  # short, because the path of a socket must be short
    os.environ.update(dict.fromkeys(_FOLDERS, folder))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    # A shell that starts pytest in the background makes it ignore Ctrl-C, and its child processes.
    signal.signal(signal.SIGINT, signal.default_int_handler)
