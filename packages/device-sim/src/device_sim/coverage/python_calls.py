"""Find the calls that each method of a driver's Python class makes, by reading its source."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator, Mapping
from enum import Enum
from types import ModuleType

_INTERPRETERS = ("_grpc_stub_interpreter", "_grpc_interpreter")


def classes_of(package: ModuleType) -> dict[str, type]:
    """Return the classes whose methods make a driver's calls, by the prefix of their methods.

    It is the class Session, or all public ones of a package without sessions.
    """
    if hasattr(package, "session"):
        return {"": package.session.Session}
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    parts = [name for name in names if "._stubs" not in name and not name.endswith("__main__")]
    modules = [importlib.import_module(name) for name in parts if _is_public(name)]
    found = {value for module in modules for value in vars(module).values() if _is_class(value)}
    return {
        f"{cls.__name__}.": cls
        for cls in sorted(found, key=lambda cls: cls.__name__)
        if cls.__module__.startswith(f"{package.__name__}.") and not cls.__name__.startswith("_")
    }


def _is_public(module: str) -> bool:
    return not module.rpartition(".")[2].startswith("_") or module.count(".") > 1


def _is_class(value: object) -> bool:
    return isinstance(value, type) and not issubclass(value, (Enum, Exception, tuple))


def rpcs_by_method(package: ModuleType) -> dict[str, list[str]]:
    """Return the calls that each public method of a driver's Python classes makes.

    A method that the package refuses over gRPC has its own name as its call.
    """
    interpreter = next(
        importlib.import_module(f"{package.__name__}.{name}")
        for name in _INTERPRETERS
        if importlib.util.find_spec(f"{package.__name__}.{name}")
    )
    rpcs = dict(_interpreter_calls(interpreter.GrpcStubInterpreter))
    found: dict[str, list[str]] = {}
    for prefix, cls in classes_of(package).items():
        methods = _rpcs_of(cls, rpcs)
        # A class among several is of interest if one of its methods makes a call.
        if not prefix or any(methods.values()):
            found |= {f"{prefix}{name}": calls for name, calls in methods.items()}
    return found


def _rpcs_of(cls: type, rpcs: Mapping[str, str]) -> dict[str, list[str]]:
    bodies = _method_bodies(cls)

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

    public = sorted(name for name, body in bodies.items() if not _is_hidden(name, body))
    return {name: list(dict.fromkeys(follow(name, set()))) for name in public}


def _is_hidden(name: str, body: ast.AST) -> bool:
    """Return whether a method is private, or the getter or setter of a property."""
    decorators = getattr(body, "decorator_list", ())
    names = {ast.unparse(each).rpartition(".")[2] for each in decorators}
    return name.startswith("_") or not names.isdisjoint({"property", "setter", "deleter"})


def _interpreter_calls(interpreter: type) -> Iterator[tuple[str, str]]:
    for name, body in _method_bodies(interpreter).items():
        for node in ast.walk(body):
            if isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node):
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
    package = cls.__module__.partition(".")[0]
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] != package:
            continue
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
