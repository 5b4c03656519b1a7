"""The variables of a run. Expressions and code modules use them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from platform_sim.sequence.model import Sequence, SequenceFile

PIN_MAP_ID: Final = "NI.MeasurementPlugIns.PinMapId"
"""Run-time variable that holds the id of the active pin map."""

_OLDER_PIN_MAP_ID: Final = "NI.MeasurementLink.PinMapId"
"""Its name in older measurement examples, whose code modules load the pin map themselves."""


_INSERT_IF_MISSING = 0x1
_ONLY_IF_THERE = 0x2


class ThisContext:
    """Stands for the sequence context until a code module gets the real one."""


THIS_CONTEXT: Final = ThisContext()

_SHARED_WITH_CODE_MODULES = ("Locals", "FileGlobals", "Parameters", "RunState")


class ExecutionVariables:
    """Variables of one run. This is the scope of expressions.

    Args:
        content: The sequence file.
        sequence: The running sequence.
        uut: Serial number of the unit under test. It is where TestStand's process models have it.
    """

    def __init__(self, content: SequenceFile, sequence: Sequence, uut: str = "") -> None:
        self._roots: dict[str, Any] = {
            "Locals": copy.deepcopy(dict(sequence.locals)),
            "Parameters": copy.deepcopy(dict(sequence.parameters)),
            "FileGlobals": copy.deepcopy(dict(content.file_globals)),
            "RunState": {
                "LoopIndex": 0.0,
                "LoopNumIterations": 0.0,
                "LoopNumPassed": 0.0,
                "Root": {"Locals": {"UUT": {"SerialNumber": uut}}},
            },
        }
        self.run_time: dict[str, str] = {}
        self.enter_step()

    def enter_step(self) -> None:
        """Create a new result for the next step."""
        self._roots["Step"] = {"Result": {"Status": "", "PassFail": True, "ReportText": ""}}

    @property
    def pin_map_id(self) -> str:
        """The id of the active pin map, empty if there is none."""
        return self.run_time.get(PIN_MAP_ID) or self.run_time.get(_OLDER_PIN_MAP_ID, "")

    @property
    def loop(self) -> dict[str, float]:
        """The loop counters."""
        counters: dict[str, float] = self._roots["RunState"]
        return counters

    @property
    def result(self) -> dict[str, object]:
        """The result of the running step."""
        result: dict[str, object] = self._roots["Step"]["Result"]
        return result

    @property
    def roots(self) -> dict[str, Any]:
        """All variables by name. A dictionary is a container."""
        return self._roots

    def get(self, path: tuple[str | int, ...]) -> object:
        """Return the variable at a path of names and indices.

        Raises:
            KeyError: The variable does not exist.
        """
        if path == ("ThisContext",):
            return THIS_CONTEXT
        node: Any = self._roots
        for key in path:
            node = _below(node, key, path)
        return node

    def set(self, path: tuple[str | int, ...], value: object) -> None:
        """Set the variable at a path. A step may add new variables only under ``Step``.

        Raises:
            KeyError: The variable does not exist.
        """
        *above, last = path
        node: Any = self._roots
        for key in above:
            node = _below(node, key, path)
        if path[0] != "Step":
            _below(node, last, path)
        elif not isinstance(node, dict):
            raise KeyError(spelled(path))
        node[last] = value

    def call(self, function: str, arguments: list[object]) -> object:
        """Call one of the functions of run-time variables.

        Raises:
            KeyError: The variable does not exist.
            TypeError: The function needs other arguments.
        """
        return _FUNCTIONS[function](self.run_time, *arguments)

    def for_code_modules(self) -> dict[str, Any]:
        """Return the variables that a code module may read and set."""
        return {name: self._roots[name] for name in _SHARED_WITH_CODE_MODULES}

    def update_from_code_modules(self, variables: Mapping[str, Any]) -> None:
        """Store the values that a code module gave to the variables."""
        for name in _SHARED_WITH_CODE_MODULES:
            self._roots[name] = variables[name]


def _delete(values: dict[str, str], name: str, options: float = 0) -> None:
    if not int(options) & _ONLY_IF_THERE or name in values:
        del values[name]


def _exists(values: dict[str, str], name: str, options: float = 0) -> bool:
    return name in values


def _get(values: dict[str, str], name: str, options: float = 0) -> str:
    return "" if name not in values and int(options) & _INSERT_IF_MISSING else values[name]


def _set(values: dict[str, str], name: str, options: float, value: str) -> None:
    if name not in values and not int(options) & _INSERT_IF_MISSING:
        raise KeyError(name)
    values[name] = value


_FUNCTIONS: dict[str, Callable[..., object]] = {
    "DeleteSubProperty": _delete,
    "Exists": _exists,
    "GetValString": _get,
    "SetValString": _set,
}


def spelled(path: tuple[str | int, ...]) -> str:
    """Return a path as it is written in an expression."""
    first, *rest = path
    return str(first) + "".join(f".{key}" if isinstance(key, str) else f"[{key}]" for key in rest)


def _below(node: Any, key: str | int, path: tuple[str | int, ...]) -> Any:
    fits = (isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node)) or (
        isinstance(node, dict) and key in node
    )
    if not fits:
        raise KeyError(spelled(path))
    return node[key]
