"""Parse the scripts of NI-FGEN.

Simulated are: `script NAME` … `end script`; `generate WAVEFORM`, with `subset(OFFSET, LENGTH)` and
`markerN(POSITION, …)`; `repeat COUNT`, `repeat forever` and `repeat until scriptTriggerN` …
`end repeat`; `wait until scriptTriggerN`. Comments begin with `//`. Keywords may have any case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from device_sim.errors import FUNCTION_NOT_SUPPORTED, INVALID_VALUE, DriverError

_WORD = re.compile(r"//[^\n]*|[A-Za-z_]\w*|\d+|[^\s\w]|\n")
_TRIGGER = re.compile(r"scripttrigger([0-3])")
_MARKER = re.compile(r"marker([0-3])")
_OTHERS = {"clear", "if", "else", "stream", "finite", "jump"}
_KEYWORDS = {"script", "end", "generate", "repeat", "wait", "until", "forever", *_OTHERS}
_DEEPEST = 32
_LONGEST = 100_000
_MOST = 16_777_215


@dataclass(frozen=True, slots=True)
class Generate:
    """Put out a waveform once."""

    waveform: str
    """The name of the waveform."""

    subset: tuple[int, int] | None = None
    """Offset and length of the part of it; None for all."""

    marks: tuple[tuple[int, int], ...] = ()
    """Markers, each with the position at which it comes."""


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Wait for a script trigger."""

    trigger: int
    """The number of the trigger."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Repeat a block."""

    body: Sequence[Instruction]
    """The block."""

    count: float = math.inf
    """The number of passes; infinity for no end."""

    until: int | None = None
    """The number of the trigger that ends it, after the pass in which it comes."""


Instruction = Generate | WaitUntil | Repeat


def parse_scripts(text: str) -> dict[str, Sequence[Instruction]]:
    """Return the scripts in a text by name.

    Raises:
        DriverError: The text has an error, or an instruction that is not simulated.
    """
    return dict(_Parser(text).scripts())


@dataclass(slots=True)
class _Parser:
    text: str
    line: int = 1
    _words: list[tuple[str, int]] = field(init=False)
    _next: int = 0

    def __post_init__(self) -> None:
        if len(self.text) > _LONGEST:
            raise DriverError(INVALID_VALUE, f"The script has more than {_LONGEST} characters.")
        self._words = []
        for found in _WORD.finditer(self.text):
            if found[0] == "\n":
                self.line += 1
            elif not found[0].startswith("//"):
                self._words.append((found[0], self.line))

    def scripts(self) -> Iterator[tuple[str, Sequence[Instruction]]]:
        while self._peek():
            self._expect("script")
            name = self._name()
            yield name, self._block("script", 0)
        if not self._words:
            raise self._error("a script")

    def _block(self, kind: str, depth: int) -> Sequence[Instruction]:
        if depth > _DEEPEST:
            raise self._error(f"at most {_DEEPEST} blocks in each other")
        instructions: list[Instruction] = []
        while not self._take("end"):
            instructions.append(self._instruction(depth))
        self._expect(kind)
        if not instructions:
            raise self._error("a block with at least one instruction")
        return instructions

    def _instruction(self, depth: int) -> Instruction:
        word = self._peek()
        if word in _OTHERS:
            raise DriverError(FUNCTION_NOT_SUPPORTED, f"Not simulated: script instruction '{word}'")
        if self._take("generate"):
            return self._generate()
        if self._take("wait"):
            self._expect("until")
            return WaitUntil(self._numbered(_TRIGGER, "a script trigger"))
        if not self._take("repeat"):
            raise self._error("an instruction")
        if self._take("forever"):
            return Repeat(self._block("repeat", depth + 1))
        if self._take("until"):
            trigger = self._numbered(_TRIGGER, "a script trigger")
            return Repeat(self._block("repeat", depth + 1), until=trigger)
        count = self._number()
        if not 1 <= count <= _MOST:
            raise self._error(f"a count from 1 to {_MOST}")
        return Repeat(self._block("repeat", depth + 1), count)

    def _generate(self) -> Generate:
        name, subset = self._name(), None
        marks: list[tuple[int, int]] = []
        while True:
            if self._take("subset"):
                offset, length = self._numbers(2)
                subset = (offset, length)
            elif _MARKER.fullmatch(self._peek()):
                marker = self._numbered(_MARKER, "a marker")
                marks += ((marker, position) for position in self._numbers())
            else:
                return Generate(name, subset, tuple(marks))

    def _numbers(self, count: int | None = None) -> list[int]:
        self._expect("(")
        numbers = [self._number()]
        while self._take(","):
            numbers.append(self._number())
        self._expect(")")
        if count not in (None, len(numbers)):
            raise self._error(f"{count} numbers")
        return numbers

    def _number(self) -> int:
        word = self._word("a number")
        if not word.isdecimal() or len(word) > 10:
            raise self._error("a number", back=1)
        return int(word)

    def _name(self) -> str:
        word = self._word("a name")
        if not word.isidentifier() or word.lower() in _KEYWORDS:
            raise self._error("a name", back=1)
        return word

    def _numbered(self, form: re.Pattern[str], wanted: str) -> int:
        found = form.fullmatch(self._word(wanted).lower())
        if not found:
            raise self._error(f"{wanted}, with a number from 0 to 3", back=1)
        return int(found[1])

    def _peek(self) -> str:
        return self._words[self._next][0].lower() if self._next < len(self._words) else ""

    def _take(self, word: str) -> bool:
        taken = self._peek() == word
        self._next += taken
        return taken

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._error(f"'{word}'")

    def _word(self, wanted: str) -> str:
        if self._next == len(self._words):
            raise self._error(wanted)
        self._next += 1
        return self._words[self._next - 1][0]

    def _error(self, wanted: str, back: int = 0) -> DriverError:
        at = self._next - back
        word, line = self._words[at] if at < len(self._words) else ("the end", self.line)
        return DriverError(INVALID_VALUE, f"Script, line {line}: {wanted} expected at '{word}'.")
