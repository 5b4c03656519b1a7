"""Find the class of a device that a bench file names.

To load a class runs its module. So a bench file with devices is a program, and only files that its
user trusts may be given to a server.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from device_sim.duts import DigitalDevice
from device_sim.errors import BenchError


def make_device(named: str, options: Mapping[str, Any], folder: Path | None) -> DigitalDevice:
    """Return a device of a class.

    Args:
        named: The class, as `module:Class`. The module is a file in the folder, or installed.
        options: The arguments of the class.
        folder: The folder of the bench file; None if it has none.

    Raises:
        BenchError: There is no such class, or it refuses the options.
    """
    made = _class_of(named, folder)
    try:
        return made(**options)
    except BenchError:
        raise
    except Exception as error:
        raise BenchError(f"The class {named} refuses its options: {error}") from error


def _class_of(named: str, folder: Path | None) -> type[DigitalDevice]:
    module_name, _, class_name = named.partition(":")
    module = _module_of(module_name, folder)
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, DigitalDevice)):
        raise BenchError(
            f"The module {module_name} has no class '{class_name}' that is derived from "
            'device_sim.duts.DigitalDevice. Write class = "module:Class".'
        )
    return found


def _module_of(name: str, folder: Path | None) -> ModuleType:
    file = folder / f"{name}.py" if folder and name.isidentifier() else None
    try:
        if file is None or not file.is_file():
            return importlib.import_module(name)
        return _from_file(file)
    except Exception as error:
        raise BenchError(
            f"The module '{name}' of a device cannot be loaded: {error}. It must be a file beside "
            "the bench file, or installed."
        ) from error


def _from_file(file: Path) -> ModuleType:
    """Load a file under a name of its own, so that it hides no installed module."""
    name = f"device_sim_dut_{file.stem}_{abs(hash(file.resolve())):x}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
