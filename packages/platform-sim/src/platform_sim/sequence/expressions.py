"""Evaluate TestStand expressions. `expression_syntax` parses them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Protocol

from platform_sim.sequence.errors import ExpressionError
from platform_sim.sequence.expression_syntax import (
    ELEMENT_COUNT,
    Array,
    Assignment,
    Binary,
    Call,
    Conditional,
    Literal,
    Name,
    Node,
    Unary,
    parse,
)


class Scope(Protocol):
    """The variables that an expression reads and sets."""

    def get(self, path: tuple[str | int, ...]) -> object:
        """Return the variable at a path of names and indices. Raise KeyError if it is missing."""

    def set(self, path: tuple[str | int, ...], value: object) -> None:
        """Set the variable at a path. Raise KeyError if it is missing."""

    def call(self, function: str, arguments: list[object]) -> object:
        """Call one of the functions of run-time variables."""


def _add(left: object, right: object) -> object:
    if isinstance(left, str) != isinstance(right, str):
        raise TypeError("a string can only be added to a string")
    return left + right  # type: ignore[operator]


_OPERATORS: dict[str, Callable[[object, object], object]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,  # type: ignore[dict-item]
    "<=": operator.le,  # type: ignore[dict-item]
    ">": operator.gt,  # type: ignore[dict-item]
    ">=": operator.ge,  # type: ignore[dict-item]
    "+": _add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


def evaluate(text: str, scope: Scope) -> object:
    """Parse and evaluate an expression.

    Returns:
        A number, string, boolean, list, None, or the value of a variable.

    Raises:
        ExpressionError: The text is not an expression, a variable is missing, or types differ.
        UnsupportedError: It needs something that platform-sim lacks.
    """
    node = parse(text)
    try:
        return _value(node, scope)
    except KeyError as error:
        raise ExpressionError(f"{text}: the variable {error.args[0]} does not exist.") from None
    except (TypeError, ValueError, ArithmeticError, IndexError) as error:
        raise ExpressionError(f"{text}: {error}.") from None


def assign(target: str, value: object, scope: Scope) -> None:
    """Set the variable that an expression names.

    Raises:
        ExpressionError: The expression is not a variable, or the variable does not exist.
    """
    node = parse(target)
    if not isinstance(node, Name):
        raise ExpressionError(f"{target}: write a variable here, such as Locals.Result.")
    try:
        scope.set(_path(node, scope), value)
    except KeyError as error:
        raise ExpressionError(f"{target}: the variable {error.args[0]} does not exist.") from None


def _value(node: Node, scope: Scope) -> object:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Array):
        return [_value(item, scope) for item in node.items]
    if isinstance(node, Name):
        return scope.get(_path(node, scope))
    if isinstance(node, Unary):
        operand = _value(node.operand, scope)
        return not operand if node.symbol == "!" else -operand  # type: ignore[operator]
    if isinstance(node, Binary):
        return _binary(node, scope)
    if isinstance(node, Conditional):
        return _value(node.yes if _value(node.condition, scope) else node.no, scope)
    if isinstance(node, Assignment):
        return _assign(node, scope)
    if isinstance(node, Call):
        arguments = [_value(item, scope) for item in node.arguments]
        if node.function == ELEMENT_COUNT:
            return _element_count(*arguments)
        return scope.call(node.function, arguments)
    return [_value(item, scope) for item in node.items][-1]


def _element_count(array: object) -> int:
    if not isinstance(array, list):
        raise TypeError(f"{array!r:.60} is not an array")
    return len(array)


def _binary(node: Binary, scope: Scope) -> object:
    left = _value(node.left, scope)
    if node.symbol == "&&":
        return bool(left) and bool(_value(node.right, scope))
    if node.symbol == "||":
        return bool(left) or bool(_value(node.right, scope))
    return _OPERATORS[node.symbol](left, _value(node.right, scope))


def _assign(node: Assignment, scope: Scope) -> object:
    path = _path(node.target, scope)
    value = _value(node.value, scope)
    if node.symbol != "=":
        value = _OPERATORS[node.symbol[0]](scope.get(path), value)
    scope.set(path, value)
    return value


def _path(node: Name, scope: Scope) -> tuple[str | int, ...]:
    path: list[str | int] = []
    for part in node.parts:
        index = part if isinstance(part, str) else _value(part, scope)
        if isinstance(index, float):
            index = int(index)
        if not isinstance(index, (str, int)):
            raise TypeError(f"{index!r} is not an index")
        path.append(index)
    return tuple(path)
