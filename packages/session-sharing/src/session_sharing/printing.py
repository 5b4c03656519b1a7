"""Print texts of logs and servers in any encoding, so that they cannot control the terminal."""

from __future__ import annotations

import io
import logging
import os
import sys
import unicodedata
from types import TracebackType

_INDENT = "\n  "


def say(text: str) -> None:
    """Print lines for people; characters that the output does not have are written as escapes.

    Control characters are written as escapes, too, except line ends. A text from another user goes
    through `harmless` first.
    """
    lines = map(harmless, text.split("\n"))
    print(_encodable("\n".join(lines), sys.stdout.encoding), flush=True)  # noqa: T201


def prepare_output() -> None:
    """Make the program's output accept every character, in any encoding of the system.

    On Windows, pipes and files get UTF-8. Elsewhere, and on a console, the encoding stays; a
    character that it does not have is written as an escape.
    """
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):  # a program without output, or a test's own
            continue
        if sys.platform == "win32" and not stream.isatty():
            stream.reconfigure(encoding="utf-8")
        if stream.encoding != "utf-8":
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Send to nowhere what is written to standard output from now on, also at the program's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def readable(text: str) -> str:
    """Return a name with its undecodable bytes read as UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half of a surrogate pair, which stands for no byte
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def harmless(text: str) -> str:
    """Return text with line ends, control characters and changes of text direction as escapes."""
    text = readable(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_harmless(char) else _escape(char) for char in text)


def harmless_lines(text: str) -> str:
    """Return text of several lines as `harmless`; the lines after the first are indented."""
    return _INDENT.join(map(harmless, text.split("\n")))


class HarmlessFormatter(logging.Formatter):
    """Formats log records whose messages quote names that other users chose."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the record's line."""
        return harmless(super().formatMessage(record))

    def formatException(  # noqa: N802
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the traceback."""
        return harmless_lines(super().formatException(ei))


def _is_harmless(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    return char.encode("unicode-escape").decode("ascii")


def _encodable(text: str, encoding: str | None) -> str:
    encoding = encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
