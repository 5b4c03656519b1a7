"""Parse TestStand expressions: from text to a tree.

The parser knows what measurement sequences use in practice: literals (``6``, ``0x1F``, ``1i64``,
``100ui64``, ``1.5e-3``, ``"text"``, ``@"verbatim"``, ``True``, ``Nothing``, ``{1, 2}``), variables
(``Locals.Volts``, ``FileGlobals.List[0]``, ``ThisContext``), arithmetic, comparison, logic, the
conditional operator, assignments, lists of expressions separated by commas, the functions of
run-time variables, and ``GetNumElements``. Other functions raise an error that names them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from platform_sim.sequence.errors import ExpressionError, UnsupportedError


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: object


@dataclass(frozen=True, slots=True)
class Array:
    """An array of expressions."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A variable: names, and index expressions in brackets."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """An operator with one operand."""

    symbol: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator with two operands."""

    symbol: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional:
    """``condition ? yes : no``."""

    condition: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Assignment:
    """``target = value``, or with an operator, ``target += value``."""

    target: Name
    symbol: str
    value: Node


@dataclass(frozen=True, slots=True)
class Several:
    """Expressions separated by commas. The last one gives the value."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of ``GetNumElements``, or of one of the functions of run-time variables."""

    function: str
    arguments: tuple[Node, ...]


Node = Call | Literal | Array | Name | Unary | Binary | Conditional | Assignment | Several

_SKIPPED = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(
    r"""
      (?P<number>0[xX][0-9a-fA-F]+(?:u?i64)? | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:u?i64)?)
    | (?P<string>"(?:\\.|[^"\\])*")
    | (?P<verbatim>@"(?:""|[^"])*")
    | (?P<name>[A-Za-z_]\w*)
    | (?P<symbol>\+=|-=|\*=|/=|%=|==|!=|<=|>=|&&|\|\||<>|[-+*/%<>=!?:,.(){}\[\]&|^~])
    """,
    re.VERBOSE | re.DOTALL,
)
RUN_TIME_FUNCTIONS = frozenset({"DeleteSubProperty", "Exists", "GetValString", "SetValString"})
"""The functions of run-time variables. TestStand's API documents them."""

ELEMENT_COUNT = "GetNumElements"
"""The function that returns the number of elements of an array."""

_CONSTANTS: dict[str, object] = {"true": True, "false": False, "nothing": None}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_WORDS = {"AND": "&&", "OR": "||", "NOT": "!", "MOD": "%"}
_PRECEDENCE = (
    ("||",),
    ("&&",),
    ("==", "!=", "<>"),
    ("<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/", "%"),
)
_RUN_TIME_VARIABLES = ("RunState.Engine.TemporaryGlobals", "RunState.Execution.RunTimeVariables")
_BIT_OPERATORS = frozenset("&|^~")
_ASSIGNMENTS = frozenset({"=", "+=", "-=", "*=", "/=", "%="})


def parse(text: str) -> Node:
    """Parse an expression.

    Raises:
        ExpressionError: The text is not an expression.
        UnsupportedError: It needs something that platform-sim lacks, such as a function.
    """
    try:
        return _Parser(text).parse()
    except RecursionError:
        raise ExpressionError(
            f"The expression {text[:60]}... is nested too deeply. Divide it into several."
        ) from None


class _Parser:
    """Parse the tokens of one expression by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize()
        self._index = 0

    def parse(self) -> Node:
        items = [self._assignment()]
        while self._take(","):
            items.append(self._assignment())
        if self._kind != "end":
            raise self._failure()
        return items[0] if len(items) == 1 else Several(tuple(items))

    def _tokenize(self) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        position = self._skip(0)
        while position < len(self._text):
            match = _TOKEN.match(self._text, position)
            if match is None or match.lastgroup is None:
                raise ExpressionError(f"{self._text}: cannot read {self._text[position:]!r}.")
            kind, token = match.lastgroup, match[0]
            if kind == "name" and token.upper() in _WORDS:
                kind, token = "symbol", _WORDS[token.upper()]
            if token in _BIT_OPERATORS:
                raise UnsupportedError(f"{self._text}: the operator {token} is not supported.")
            tokens.append((kind, token))
            position = self._skip(match.end())
        return [*tokens, ("end", "")]

    def _skip(self, position: int) -> int:
        """Return the start of the next token, behind spaces and comments."""
        match = _SKIPPED.match(self._text, position)
        assert match is not None
        return match.end()

    @property
    def _kind(self) -> str:
        return self._tokens[self._index][0]

    @property
    def _token(self) -> str:
        return self._tokens[self._index][1]

    def _take(self, *symbols: str) -> str:
        if self._kind == "symbol" and self._token in symbols:
            self._index += 1
            return self._tokens[self._index - 1][1]
        return ""

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._failure(f"expected {symbol!r}")

    def _failure(self, problem: str = "") -> ExpressionError:
        found = f"found {self._token!r}" if self._token else "found the end"
        details = ", ".join(part for part in (problem, found) if part)
        return ExpressionError(f"{self._text or '(empty)'}: {details}.")

    def _assignment(self) -> Node:
        target = self._conditional()
        symbol = self._take(*_ASSIGNMENTS)
        if not symbol:
            return target
        if not isinstance(target, Name):
            raise ExpressionError(f"{self._text}: the left side of {symbol!r} must be a variable.")
        return Assignment(target, symbol, self._assignment())

    def _conditional(self) -> Node:
        condition = self._operation(0)
        if not self._take("?"):
            return condition
        yes = self._conditional()
        self._expect(":")
        return Conditional(condition, yes, self._conditional())

    def _operation(self, level: int) -> Node:
        if level == len(_PRECEDENCE):
            return self._unary()
        node = self._operation(level + 1)
        while symbol := self._take(*_PRECEDENCE[level]):
            node = Binary(symbol, node, self._operation(level + 1))
        return node

    def _unary(self) -> Node:
        symbol = self._take("!", "-", "+")
        if not symbol:
            return self._primary()
        operand = self._unary()
        return operand if symbol == "+" else Unary(symbol, operand)

    def _primary(self) -> Node:
        kind, token = self._tokens[self._index]
        if kind == "number":
            self._index += 1
            return Literal(_number(token))
        if kind == "string":
            self._index += 1
            return Literal(_unescape(token[1:-1]))
        if kind == "verbatim":
            self._index += 1
            return Literal(token[2:-1].replace('""', '"'))
        if kind == "name":
            return self._name()
        if self._take("("):
            node = self._assignment()
            self._expect(")")
            return node
        if self._take("{"):
            return Array(self._items("}"))
        raise self._failure()

    def _items(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(end):
            items.append(self._conditional())
            if not self._take(","):
                self._expect(end)
                break
        return tuple(items)

    def _name(self) -> Node:
        first = self._token
        self._index += 1
        if first.lower() in _CONSTANTS:
            return Literal(_CONSTANTS[first.lower()])
        parts: list[str | Node] = [first]
        while True:
            if self._take("."):
                if self._kind != "name":
                    raise self._failure("expected a name")
                parts.append(self._token)
                self._index += 1
            elif self._take("["):
                parts.append(self._conditional())
                self._expect("]")
            else:
                break
        if self._take("("):
            name = ".".join(part if isinstance(part, str) else "[]" for part in parts)
            owner, _, function = name.rpartition(".")
            if name == ELEMENT_COUNT:
                return Call(name, self._items(")"))
            if owner not in _RUN_TIME_VARIABLES or function not in RUN_TIME_FUNCTIONS:
                raise UnsupportedError(f"{self._text}: the function {name}() is not supported.")
            return Call(function, self._items(")"))
        return Name(tuple(parts))


def _number(token: str) -> int | float:
    lowered = token.lower()
    for suffix in ("ui64", "i64"):
        if lowered.endswith(suffix):
            return int(lowered.removesuffix(suffix), 0)
    if lowered.startswith("0x"):
        return int(lowered, 16)
    return float(token)


def _unescape(text: str) -> str:
    r"""Resolve escapes. An unknown one keeps its backslash, as in ``"..\maps\A.pinmap"``."""
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text, flags=re.DOTALL)
