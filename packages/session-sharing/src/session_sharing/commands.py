"""Make groups of click commands that show errors without a traceback.

click is in the extra `server`; other programs that import this module must install it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from session_sharing.printing import discard_output, harmless_lines, prepare_output


class PrintingGroup(click.Group):
    """A group of commands whose output takes every character, on any system."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program with its arguments, and end it."""
        prepare_output()
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that the user gave; end it quietly when no program reads its output."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if sys.platform == "win32" and error.errno == errno.EINVAL and not error.filename:
                discard_output()
                # Windows has another error for it; this one is known to click.
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from error
            raise


class HarmlessGroup(PrintingGroup):
    """A group of commands that shows errors without a traceback.

    Error messages can quote names that other users chose. So control characters in the messages are
    written as escapes.

    Args:
        args: As for click.Group.
        shown_errors: Classes of errors to show as messages; errors of the system are shown, too.
        kwargs: As for click.Group.
    """

    def __init__(
        self, *args: Any, shown_errors: Sequence[type[Exception]] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._shown_errors = tuple(shown_errors)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that the user gave."""
        try:
            return self._invoke(ctx)
        except click.ClickException as error:
            setattr(error, "message", harmless_lines(error.message))  # noqa: B010 (final to mypy)
            raise

    def _invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except self._shown_errors as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # no program reads the output: click ends quietly
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror or error}") from error


class LazyGroup(HarmlessGroup):
    """A group that loads the module of a command only when that command runs.

    Args:
        args: As for click.Group.
        places: Where the commands are, as "module:attribute" by their names. The help lists them in
            this order.
        kwargs: As for HarmlessGroup.
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return [*self._places]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load and return a command."""
        place = self._places.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command
