"""Printing for people: what others named can neither steer the terminal nor look like a row."""

from __future__ import annotations

import logging
from types import TracebackType

import click
from session_sharing.printing import harmless

_INDENT = "\n  "


def print_line(text: object = "", *, err: bool = False) -> None:
    """Print one line.

    Args:
        text: The line; line ends and control characters in it are written as escapes.
        err: Whether it goes to standard error.
    """
    click.echo(harmless(str(text)), err=err)


def harmless_lines(text: str) -> str:
    """Return text of several lines; those after the first are indented, so that none is a row."""
    return _INDENT.join(map(harmless, text.split("\n")))


class HarmlessFormatter(logging.Formatter):
    """Formats log records whose messages quote what others named."""

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
