"""Print for people. Control characters in the text cannot steer the terminal."""

from __future__ import annotations

import click
from session_sharing.printing import harmless


def print_line(text: object = "", *, err: bool = False) -> None:
    """Print one line.

    Args:
        text: The line. Line ends and control characters in it are written as escapes.
        err: True prints to standard error.
    """
    click.echo(harmless(str(text)), err=err)
