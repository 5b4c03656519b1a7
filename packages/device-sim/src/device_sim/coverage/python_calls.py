"""Find the calls that each method of a driver's Python class makes, by reading its source."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from types import ModuleType


def rpcs_by_method(package: ModuleType) -> dict[str, list[str]]:
    """Return the calls that each public method of a driver's Session class makes.

    A method that the package refuses over gRPC has its own name as its call.
    """
    interpreter = importlib.import_module(f"{package.__name__}._grpc_stub_interpreter")
    rpcs = dict(_interpreter_calls(interpreter.GrpcStubInterpreter))
    bodies = _method_bodies(package.session.Session)

    def follow(name: str, seen: set[str]) -> list[str]:
        if name in seen or name not in bodies:
            return []
        seen.add(name)
        found = []
        for owner, called in _calls_of(bodies[name]):
            if owner == "_interpreter":
                found += [rpcs[called]] if called in rpcs else []
            else:
                found += follow(called, seen)
        return found

    public = sorted(name for name in bodies if not name.startswith("_"))
    return {name: list(dict.fromkeys(follow(name, set()))) for name in public}


def _interpreter_calls(interpreter: type) -> Iterator[tuple[str, str]]:
    for name, body in _method_bodies(interpreter).items():
        for node in ast.walk(body):
            if isinstance(node, ast.Raise):
                yield name, name
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self._client":
                yield name, node.attr


def _method_bodies(cls: type) -> dict[str, ast.AST]:
    bodies: dict[str, ast.AST] = {}
    # `initiate` returns an object whose constructor makes the call.
    for name in ("_Acquisition", "_Generation"):
        activity = getattr(inspect.getmodule(cls), name, None)
        if activity is not None:
            bodies[name] = ast.parse(textwrap.dedent(inspect.getsource(activity.__init__)))
    for base in reversed(cls.__mro__[:-1]):
        tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                bodies[node.name] = node
    return bodies


def _calls_of(body: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(body):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", node.func.id
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if owner in ("self", "self._session", "self._interpreter"):
                yield owner.removeprefix("self").removeprefix("."), node.func.attr
