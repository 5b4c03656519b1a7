"""The interpreter of code modules. Each line of its standard input is a call of the runner in JSON.

It runs in any Python environment, so it imports only the standard library and its sibling. The
output and logs of code modules go to standard error. Standard output is for the protocol.
"""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

import platform_sim_teststand_context as context_module  # type: ignore[import-not-found]

_CREATE_CLASS, _CALL, _GET, _SET = range(4)
_MODULE, _CLASS, _INSTANCE = range(3)

_THIS_FILE = __file__


class CodeModules:
    """Load code modules by path. An interpreter can have only one module of each name."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}

    def load(self, path: Path) -> ModuleType:
        """Return the module at a path. It is loaded only once.

        Raises:
            ImportError: The file does not exist, or another file of that name was loaded before.
        """
        if not path.is_file():
            raise ImportError(f"the code module {path} does not exist")
        known = self._paths.setdefault(path.stem, path)
        if known != path:
            raise ImportError(
                f"{path} and {known} have the same name, and one interpreter can have only one of "
                "them: give each code module another name"
            )
        if path.stem not in sys.modules:
            self._import(path)
        return sys.modules[path.stem]

    @staticmethod
    def _import(path: Path) -> None:
        folder = str(path.parent)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[path.stem]
            raise


class Values:
    """Translate between JSON and Python. Values that JSON lacks stay here and get a number."""

    def __init__(self) -> None:
        self._objects: dict[int, object] = {}

    def decode(self, value: Any, context: object) -> Any:
        """Return the Python value of a JSON value."""
        if isinstance(value, list):
            return [self.decode(item, context) for item in value]
        if not isinstance(value, dict):
            return value
        if "$context" in value:
            return context
        if "$object" in value:
            return self._objects[value["$object"]]
        return {key: self.decode(item, context) for key, item in value.items()}

    def encode(self, value: Any) -> Any:
        """Return a JSON value for a Python value."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (list, tuple)):
            return [self.encode(item) for item in value]
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {key: self.encode(item) for key, item in value.items()}
        self._objects[id(value)] = value
        return {"$object": id(value), "type": type(value).__name__}


def perform(request: dict[str, Any], modules: CodeModules, values: Values) -> dict[str, Any]:
    """Execute one request and return the reply."""
    state = values.decode(request["context"], None)
    context = context_module.SequenceContext(state)
    try:
        result = _operate(request, modules, values, context)
        return {"value": values.encode(result), "context": _encoded_state(state, values)}
    except Exception as error:
        return {
            "error": summary(error),
            "traceback": _traceback(error),
            "context": _encoded_state(state, values),
        }


def describe(request: dict[str, Any], modules: CodeModules) -> dict[str, Any]:
    """Import a module and return the positional arguments of its function."""
    try:
        module = modules.load(Path(request["module"]))
        target = getattr(module, request["class_name"]) if request["class_name"] else module
        if not hasattr(target, request["function"]):
            return {"missing": request["function"]}
        function = getattr(target, request["function"])
        if not callable(function):
            return {"callable": False}
        return {"callable": True, "parameters": _parameters(inspect.signature(function))}
    except (Exception, SystemExit) as error:
        return {"error": summary(error)}


def summary(error: BaseException) -> str:
    """Return an error in one line. For a gRPC error: its status and text."""
    code, details = getattr(error, "code", None), getattr(error, "details", None)
    if callable(code) and callable(details):
        return f"{code().name}: {details()}"
    return f"{type(error).__name__}: {error}"


def _traceback(error: BaseException) -> str:
    """Return the traceback, beginning in the code module."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = traceback.format_list([one for one in frames if one.filename != _THIS_FILE])
    return "".join(["Traceback (most recent call last):\n", *lines, summary(error)])


def _parameters(signature: Any) -> list[dict[str, Any]]:
    return [
        {"name": item.name, "kind": item.kind.name, "required": item.default is item.empty}
        for item in signature.parameters.values()
    ]


def _operate(
    request: dict[str, Any], modules: CodeModules, values: Values, context: object
) -> object:
    target = _target(request, modules, values, context)
    arguments = [values.decode(item, context) for item in request["arguments"]]
    name, operation = request["function"], request["operation"]
    if operation == _CREATE_CLASS:
        return getattr(target, request["class_name"] or name)(*arguments)
    if operation == _GET:
        return getattr(target, name)
    if operation == _SET:
        setattr(target, name, *arguments)
        return None
    return getattr(target, name)(*arguments)


def _target(request: dict[str, Any], modules: CodeModules, values: Values, context: object) -> Any:
    if request["scope"] == _INSTANCE and request["operation"] != _CREATE_CLASS:
        return values.decode(request["instance"], context)
    module = modules.load(Path(request["module"]))
    if request["scope"] == _CLASS and request["operation"] != _CREATE_CLASS:
        return getattr(module, request["class_name"])
    return module


def _encoded_state(state: dict[str, Any], values: Values) -> dict[str, Any]:
    return {key: values.encode(state[key]) for key in ("variables", "run_time_variables")}


@contextlib.contextmanager
def _protocol_streams() -> Iterator[tuple[TextIO, TextIO]]:
    """Use standard input and output for the protocol only; code modules cannot use them."""
    with (
        os.fdopen(os.dup(0), encoding="utf-8") as requests,
        os.fdopen(os.dup(1), "w", encoding="utf-8") as replies,
    ):
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        yield requests, replies


def main() -> None:
    """Serve requests until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    # The runner handles Ctrl-C: it still has Cleanup steps to run here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.pop(0)  # this folder; code modules must not see it
    # In TestStand no script is the main module. NI's SDK then reads the `.env` file in the folder
    # of the code module, or above it.
    vars(sys.modules["__main__"]).pop("__file__", None)
    modules, values = CodeModules(), Values()
    with _protocol_streams() as (requests, replies):
        first = {"id": 0, "version": list(sys.version_info[:3])}
        print(json.dumps(first), file=replies, flush=True)
        for line in requests:
            request = json.loads(line)
            if request["op"] == "describe":
                reply = describe(request, modules)
            else:
                reply = perform(request, modules, values)
            sys.stdout.flush()
            print(json.dumps({"id": request["id"], **reply}), file=replies, flush=True)


if __name__ == "__main__":
    main()
