# ruff: noqa: N802, N803 - the names are those of the TestStand API
"""The ``sequence_context`` of code modules: the part of TestStand's API that they use.

Names and signatures are TestStand's. Any other name is an AttributeError.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_INSERT_IF_MISSING = 0x1
_ONLY_IF_THERE = 0x2


class Unsupported:
    """Base of the API objects. An unknown member raises an error that names it."""

    _api_name = ""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self._api_name}.{name} of the TestStand API is not available in platform-sim"
        )


class PropertyObject(Unsupported):
    """Variables by lookup string, such as ``Locals.Volts``."""

    def __init__(
        self, api_name: str, values: dict[str, Any], *, dotted_names: bool = False
    ) -> None:
        self._api_name = api_name
        self._values = values
        self._dotted_names = dotted_names

    def Exists(self, lookupString: str, options: int = 0) -> bool:
        """Return whether a variable exists."""
        try:
            self._find(lookupString)
        except KeyError:
            return False
        return True

    def GetValString(self, lookupString: str, options: int = 0) -> str:
        """Return a string."""
        return str(self._get(lookupString, options, ""))

    def GetValNumber(self, lookupString: str, options: int = 0) -> float:
        """Return a number."""
        return float(self._get(lookupString, options, 0.0))

    def GetValBoolean(self, lookupString: str, options: int = 0) -> bool:
        """Return a boolean."""
        return bool(self._get(lookupString, options, False))

    def GetValVariant(self, lookupString: str, options: int = 0) -> Any:
        """Return any value."""
        return self._get(lookupString, options, None)

    def SetValString(self, lookupString: str, options: int, newValue: str) -> None:
        """Set a string."""
        self._set(lookupString, options, str(newValue))

    def SetValNumber(self, lookupString: str, options: int, newValue: float) -> None:
        """Set a number."""
        self._set(lookupString, options, float(newValue))

    def SetValBoolean(self, lookupString: str, options: int, newValue: bool) -> None:
        """Set a boolean."""
        self._set(lookupString, options, bool(newValue))

    def SetValVariant(self, lookupString: str, options: int, newValue: Any) -> None:
        """Set any value."""
        self._set(lookupString, options, newValue)

    def DeleteSubProperty(self, lookupString: str, options: int = 0) -> None:
        """Delete a variable. An option accepts that it does not exist."""
        *above, last = self._path(lookupString)
        if options & _ONLY_IF_THERE and not self.Exists(lookupString):
            return
        del (self._find(".".join(above)) if above else self._values)[last]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            return super().__getattr__(name)
        value = self._values[name]
        is_container = isinstance(value, dict)
        return PropertyObject(f"{self._api_name}.{name}", value) if is_container else value

    def _path(self, lookup: str) -> list[str]:
        return [lookup] if self._dotted_names else lookup.split(".")

    def _find(self, lookup: str) -> Any:
        node: Any = self._values
        for name in self._path(lookup):
            if not isinstance(node, dict) or name not in node:
                raise KeyError(f"{self._api_name} has no property {lookup}")
            node = node[name]
        return node

    def _get(self, lookup: str, options: int, default: Any) -> Any:
        if options & _INSERT_IF_MISSING and not self.Exists(lookup):
            return default
        return self._find(lookup)

    def _set(self, lookup: str, options: int, value: Any) -> None:
        *above, last = self._path(lookup)
        node: Any = self._values
        for name in above:
            node = node.setdefault(name, {}) if options & _INSERT_IF_MISSING else node[name]
        if last not in node and not options & _INSERT_IF_MISSING:
            raise KeyError(f"{self._api_name} has no property {lookup}")
        node[last] = value


class Execution(Unsupported):
    """The execution."""

    _api_name = "Execution"

    def __init__(self, state: dict[str, Any]) -> None:
        self.Id = state["execution"]
        self.RunTimeVariables = PropertyObject(
            "RunTimeVariables", state["run_time_variables"], dotted_names=True
        )


class Engine(Unsupported):
    """The engine."""

    _api_name = "Engine"

    def __init__(self, state: dict[str, Any]) -> None:
        self._folder = Path(state["sequence_file"]).parent
        self.TemporaryGlobals = PropertyObject(
            "TemporaryGlobals", state["run_time_variables"], dotted_names=True
        )

    def FindFileEx(
        self,
        fileToFind: str,
        absolutePath: str | None = None,
        srchDirType: int | None = None,
        searchDirectoryIndex: int | None = None,
        userCancelled: bool | None = None,
        searchContext: object = None,
    ) -> tuple[bool, str, int, int, bool]:
        """Find a file: absolute, or relative to the sequence file."""
        path = self._folder / fileToFind.replace("\\", "/")
        found = path.exists()
        return found, str(path.resolve()) if found else "", 0, 0, False


class SequenceFile(Unsupported):
    """The sequence file."""

    _api_name = "SequenceFile"

    def __init__(self, path: str) -> None:
        self.Path = path


class Named(Unsupported):
    """A sequence or a step, with its name."""

    def __init__(self, api_name: str, name: str) -> None:
        self._api_name = api_name
        self.Name = name


class SequenceContext(Unsupported):
    """The context of the running step.

    Args:
        state: The data from the runner. Variables that a code module sets are stored in it.
    """

    _api_name = "SequenceContext"

    def __init__(self, state: dict[str, Any]) -> None:
        variables = state["variables"]
        self._variables = variables
        self.Execution = Execution(state)
        self.Engine = Engine(state)
        self.SequenceFile = SequenceFile(state["sequence_file"])
        self.Sequence = Named("Sequence", state["sequence"])
        self.Step = Named("Step", state["step"])
        self.Locals = PropertyObject("Locals", variables["Locals"])
        self.FileGlobals = PropertyObject("FileGlobals", variables["FileGlobals"])
        self.Parameters = PropertyObject("Parameters", variables["Parameters"])

    def AsPropertyObject(self) -> PropertyObject:
        """Return the variables by lookup string."""
        return PropertyObject("SequenceContext", self._variables)
