"""The data files of a driver's folder, which can be read without the driver's package of NI.

A driver's folder has:

- `driver.toml`: its gRPC service, the packages that it needs, and the calls that open a session
  (see DriverFolder)
- `attributes.toml`: access and owner of each attribute, made by tools/import_metadata.py; defaults,
  limits and ranges, written by hand (see attributes.AttributeTable)
- `calls.toml`: the calls without Python code (see calls.CallTables)
- `models.toml`: the instruments (see models.ModelBook)
- `errors.toml`: the driver's own errors and warnings (see error_table.ErrorTable)
- `physics.py`: PHYSICS, the classes with the calls that have a meaning (see driver.Physics)

Only `driver.toml`, `models.toml` and `physics.py` are necessary. A driver whose sessions are no
instruments has a base of its own, in `driver.py` (see serving.load_driver).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from device_sim.base.models import ModelBook
from device_sim.toml import read_data


class DriverFolder:
    """One driver, as its data describes it.

    Args:
        path: The folder.
        module: Its Python module, such as `device_sim.drivers.nidmm`.
    """

    def __init__(self, path: Path, module: str) -> None:
        self.path = path
        self.module = module
        facts = read_data(path / "driver.toml")
        self.package: str = facts["package"]
        """NI's Python package."""
        self.extra: str = facts["extra"]
        """The extra of this distribution that installs it."""
        self.protobuf: str = facts["protobuf"]
        """The module with the messages, such as `nidmm.nidmm_pb2`."""
        self.interface: str = facts["interface"]
        """The full name of the gRPC service, such as `nidmm_grpc.NiDmm`."""
        self.initialisers: Mapping[str, str] = facts["initialisers"]
        """The calls that open a session. Each has the style of its resource name; see resources."""
        self.closer: str = facts.get("closer", "Close")
        """The call that closes a session."""
        self.has_own_base: bool = facts.get("own_base", False)
        """Whether the folder has a base of its own: its module `driver` loads it."""
        self.streams: frozenset[str] = frozenset(facts.get("streams", ()))
        """The calls with a stream of answers."""
        self.allows_no_name: bool = facts.get("empty_resource", False)
        """Whether a client may open a session without the name of an instrument."""
        self.unknown_model: str = facts.get("unknown_model", "UNKNOWN_OPTION_VALUE")
        """The error for a model that does not exist."""
        self.missing_feature: str = facts.get("missing_feature", "FUNCTION_NOT_SUPPORTED")
        """The error for a call that the session's model does not have."""
        self.capabilities: Mapping[str, Mapping[str, Any]] = facts.get("capabilities", {})
        """The named repeated capabilities, such as markers; see capabilities."""

    @property
    def name(self) -> str:
        """The name of the driver: that of NI's package."""
        return self.package

    @cached_property
    def models(self) -> ModelBook:
        """The instruments."""
        return ModelBook(read_data(self.path / "models.toml"))

    def read(self, name: str) -> dict[str, Any]:
        """Return the content of one of the folder's files."""
        return read_data(self.path / name)

    def is_installed(self) -> bool:
        """Return whether NI's package is installed."""
        return importlib.util.find_spec(self.package.partition(".")[0]) is not None
