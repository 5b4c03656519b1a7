"""Printing for people: what others named can neither steer the terminal nor look like a row."""

from __future__ import annotations

import click
from session_sharing.printing import harmless


def print_line(text: object = "", *, err: bool = False) -> None:
    """Print one line.

    Args:
        text: The line; line ends and control characters in it are written as escapes.
        err: Whether it goes to standard error.
    """
    click.echo(harmless(str(text)), err=err)
