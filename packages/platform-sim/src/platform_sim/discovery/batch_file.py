"""Find the programs that a Windows batch file runs, on systems that cannot run the file.

This module understands the part of the language that files need to start a plug-in: folders,
variables, conditions, carets, `call`. It ignores loops, jumps and the output of programs.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from platform_sim.errors import PluginStartError


@dataclass(frozen=True, slots=True)
class BatchCommand:
    """A program that a batch file runs."""

    words: tuple[str, ...]
    """Program and arguments, with / between folders."""
    folder: Path
    """The working folder when this line runs."""
    variables: Mapping[str, str]
    """The environment variables that the file has set so far, with upper-case names."""


def read_batch_file(file: Path) -> list[BatchCommand]:
    """Return the programs that a batch file runs, in their order.

    Raises:
        PluginStartError: A quotation mark is not closed.
        OSError: The file cannot be read.
    """
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    return list(_Reading(file).commands(text))


_CONTINUED_LINE = re.compile(r"\^[ \t]*\r?\n[ \t]*")
_COMMENT = re.compile(r"\s*@?\s*(?:rem\b|:)", re.IGNORECASE)
_REDIRECTION = re.compile(r'("[^"]*")|\s*\d?(?:>>?|<)\s*(?:&\d|"[^"]*"|[^\s"&|]+)')
_UP_TO_A_PIPE = re.compile(r'(?:[^|"]|"[^"]*(?:"|$))*')
_ONE_OF_A_LINE = re.compile(r'(?:[^&"]|"[^"]*(?:"|$))+')
_VARIABLE = re.compile(r"%~dp0\\?|%(?P<name>[^%\s*]+)%|%\*|%~?\d|%%", re.IGNORECASE)
_PART_OF_A_VALUE = re.compile(r"(?P<name>[^:]+):~(?P<start>-?\d+)(?:,(?P<length>-?\d+))?")
_CHOICE = re.compile(
    r"\((?P<then>[^()]*)\)\s*(?:else\s*\(?(?P<otherwise>[^()]*)\)?)?", re.IGNORECASE
)
_SET = re.compile(r'set\s+(?:"(?P<quoted>[^"]*)"|(?P<plain>[^/"].*))\s*\Z', re.IGNORECASE)
_IF = re.compile(r"if\s+(?:/i\s+)?(?P<no>not\s+)?", re.IGNORECASE)
_EXIST = re.compile(r'exist\s+(?:"(?P<quoted>[^"]*)"|(?P<plain>\S+))\s*', re.IGNORECASE)
_DEFINED = re.compile(r"defined\s+(?P<name>\S+)\s*", re.IGNORECASE)
_ERROR_LEVEL = re.compile(r"errorlevel\s+\d+\s*", re.IGNORECASE)
_EQUAL = re.compile(r'("[^"]*"|\S+?)\s*(==|EQU\b|NEQ\b)\s*("[^"]*"|\S+)\s*', re.IGNORECASE)


class _Reading:
    """The state of a batch file while its lines are read."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._home = file.parent
        self._folder = file.parent
        self._folders_before: list[Path] = []
        self._variables: dict[str, str] = {}
        self._blocks: list[bool] = []
        self._has_ended = False

    def commands(self, text: str) -> Iterator[BatchCommand]:
        for line in _CONTINUED_LINE.sub(" ", text).splitlines():
            if self._has_ended:
                return
            if line.strip() and not _COMMENT.match(line):
                yield from self._line(line.strip().lstrip("@").strip())

    def _line(self, line: str) -> Iterator[BatchCommand]:
        if line.startswith(")"):  # the end of a block; it may begin another
            before = self._blocks.pop() if self._blocks else True
            line = line[1:].strip()
            if line.lower().startswith("else"):
                line = line[4:].strip()
                if line == "(":
                    self._blocks.append(not before)
                    return
                if before:
                    return
        if not all(self._blocks):
            if line.endswith("("):
                self._blocks.append(False)
            return
        line = _REDIRECTION.sub(lambda match: match[1] or "", self._expand(line))
        if line[:3].lower() == "if ":
            yield from self._condition(line)
            return
        if line.endswith("("):  # of a loop, or of a block without meaning here
            self._blocks.append(True)
            return
        # The command behind || runs after a failure only. The one behind | reads the output.
        for part in _ONE_OF_A_LINE.findall(_UP_TO_A_PIPE.findall(line)[0]):
            yield from self._command(part.strip())

    def _condition(self, line: str) -> Iterator[BatchCommand]:
        match = _IF.match(line)
        assert match is not None
        holds, rest = self._decide(line[match.end() :])
        holds = holds != bool(match["no"])
        if rest == "(":
            self._blocks.append(holds)
            return
        choice = _CHOICE.fullmatch(rest)
        if choice:
            rest = choice["then"] if holds else choice["otherwise"] or ""
        elif not holds:
            return
        yield from self._line(rest.strip())

    def _decide(self, text: str) -> tuple[bool, str]:
        """Return whether a condition is true, and the text behind it."""
        if match := _EXIST.match(text):
            holds = _exists(self._folder / _as_path(match["quoted"] or match["plain"]))
        elif match := _DEFINED.match(text):
            holds = bool(self._value(match["name"]))
        elif match := _ERROR_LEVEL.match(text):
            holds = False
        elif match := _EQUAL.match(text):
            is_equal = match[1].strip('"').lower() == match[3].strip('"').lower()
            holds = is_equal != (match[2].upper() == "NEQ")
        else:
            return False, ""
        return holds, text[match.end() :]

    def _command(self, text: str) -> Iterator[BatchCommand]:
        if match := _SET.match(text):
            name, equals, value = (match["quoted"] or match["plain"] or "").partition("=")
            if equals:
                self._variables[name.strip().upper()] = value
            return
        words = self._split(text.strip("()@ "))
        if not words:
            return
        verb = words[0].lower()
        if verb == "call":
            yield from self._command(text[text.lower().index("call") + 4 :].strip())
        elif verb in ("cd", "chdir", "pushd", "cd..", "cd."):
            self._enter(verb, words[1:])
        elif verb == "popd" and self._folders_before:
            self._folder = self._folders_before.pop()
        elif verb == "exit" or (verb == "goto" and words[1:2] in ([":eof"], [":EOF"])):
            self._has_ended = True
        else:
            paths = tuple(_as_path(word) for word in words)
            yield BatchCommand(paths, self._folder, dict(self._variables))

    def _enter(self, verb: str, words: list[str]) -> None:
        if verb == "pushd":
            self._folders_before.append(self._folder)
        target = ".." if verb == "cd.." else " ".join(w for w in words if w.lower() != "/d")
        # Windows does not resolve links here, so this does not either.
        self._folder = Path(os.path.normpath(self._folder / _as_path(target)))

    def _expand(self, line: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match[0] == "%%":
                return "%"
            if match[0].lower().startswith("%~dp0"):
                return f"{self._home}/"
            return self._value(match["name"]) if match["name"] else ""

        return _VARIABLE.sub(value, line)

    def _value(self, name: str) -> str:
        if match := _PART_OF_A_VALUE.fullmatch(name):
            start, length = int(match["start"]), match["length"]
            rest = self._value(match["name"])[start:]
            return rest[: int(length)] if length else rest
        known = {"CD": str(self._folder), "ERRORLEVEL": "0", **self._variables}
        return known.get(name.upper()) or os.environ.get(name, "")

    def _split(self, text: str) -> list[str]:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
        lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, '"', "", ""
        try:
            return list(lexer)
        except ValueError as error:
            raise PluginStartError(f"{self._file}: {error} in this line: {text}") from error


def _as_path(word: str) -> str:
    return word.replace("\\", "/")


def _exists(path: Path) -> bool:
    """Return whether a file exists here. In a Python environment the folder differs."""
    here = re.sub(r"/Scripts/([^/]+?)(?:\.exe|\.bat)?$", r"/bin/\1", str(path), flags=re.IGNORECASE)
    return path.exists() or Path(here).exists()
