"""The package loads the names that it exports only when they are used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import platform_sim
import pytest

LOADED = """
import sys
before = set(sys.modules)
import platform_sim
print(set(sys.modules) - before)
"""


@pytest.mark.parametrize("name", platform_sim.__all__)
def test_each_exported_name_is_there(name):
    assert getattr(platform_sim, name).__name__ == name
    assert name in dir(platform_sim)


def test_each_exported_error_has_the_root_of_the_package():
    errors = [name for name in platform_sim.__all__ if name.endswith("Error")]
    root = platform_sim.PlatformSimError
    assert all(issubclass(getattr(platform_sim, name), root) for name in errors)


def test_a_name_that_is_not_exported_is_an_error():
    with pytest.raises(ImportError, match="Platfrom"):
        from platform_sim import Platfrom  # noqa: F401


def test_importing_the_package_loads_it_alone():
    source = str(Path(platform_sim.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source}
    command = [sys.executable, "-S", "-c", LOADED]
    printed = subprocess.check_output(command, text=True, env=environment)
    assert printed == "{'platform_sim'}\n"
