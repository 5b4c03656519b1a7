"""Evaluate the formulas of specifications, levels and timing: `3 * ac.period / 4`, `1.5 mA`."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

_LONGEST = 1000  # Characters of a formula.
_DEEPEST = 50  # Variables whose formulas name each other.

_PREFIXES = {
    "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "K": 3, "M": 6, "G": 9,
    "T": 12,
}  # fmt: skip
_UNITS = ("", "V", "A", "s", "Hz", "F", "W", "H", "Ohm", "ohm", "Ω", "Ω")

_QUANTITY = re.compile(
    r"(?<![\w.])(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*([^\W\d_]+)?(?![\w.])"
)
"""A number, perhaps with a unit."""

_OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIGNS: dict[type[ast.unaryop], Callable[[float], float]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


class FormulaError(ValueError):
    """A formula cannot be evaluated. The text says why."""


class Formulas:
    """The variables of specifications, such as `AC.Period`. Names do not depend on case.

    Args:
        variables: The formula of each variable, by its name in lower case.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._values: dict[str, float] = {}

    def evaluate(self, formula: str, within: tuple[str, ...] = ()) -> float:
        """Return the value of a formula, in the unit without a prefix.

        Args:
            formula: The formula.
            within: The variables whose formulas have it.

        Raises:
            FormulaError: It has an error, or names a variable that is not loaded.
        """
        try:
            value = self._value(_parse(formula), within)
        except (ArithmeticError, RecursionError) as error:
            raise FormulaError(f"{formula} cannot be computed: {error}.") from None
        if not math.isfinite(value):
            raise FormulaError(f"{formula}: the value is too large.")
        return value

    def _value(self, node: ast.expr, within: tuple[str, ...]) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
            operate = _OPERATIONS[type(node.op)]
            return operate(self._value(node.left, within), self._value(node.right, within))
        if isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
            return _SIGNS[type(node.op)](self._value(node.operand, within))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self._variable(f"{node.value.id}.{node.attr}", within)
        raise FormulaError(
            f"{ast.unparse(node)} is not simulated. Use numbers with units, variables such as "
            "AC.Period, parentheses and + - * /."
        )

    def _variable(self, name: str, within: tuple[str, ...]) -> float:
        key = name.lower()
        if key not in self._variables:
            raise FormulaError(f"The variable {name} is in no loaded specifications file.")
        if key in within or len(within) > _DEEPEST:
            raise FormulaError(f"The variable {name} is defined by itself.")
        if key not in self._values:
            self._values[key] = self.evaluate(self._variables[key], (*within, key))
        return self._values[key]


def _parse(formula: str) -> ast.expr:
    if len(formula) > _LONGEST:
        raise FormulaError(f"A formula has more than {_LONGEST} characters.")
    try:
        return ast.parse(_QUANTITY.sub(_literal, formula.strip()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError(f"{formula!r} is not a formula.") from None


def _literal(found: re.Match[str]) -> str:
    """Return a number without its unit: `10 µs` is `1e-05`."""
    number, unit = found[1], found[2] or ""
    exponent = _exponent(unit)
    if exponent is None:
        raise FormulaError(f"{unit} is not a unit that is simulated.")
    return repr(float(Decimal(number).scaleb(exponent)))


def _exponent(unit: str) -> int | None:
    if unit in _UNITS:
        return 0
    return _PREFIXES.get(unit[0]) if unit[1:] in _UNITS else None
