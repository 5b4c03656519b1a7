"""The options by which commands choose records; one parser for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from json_logger_client.records import find_logs, make_filter

from json_logger_server.cli.finding import find_file

_Function = TypeVar("_Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--name", multiple=True, help="Only measurements of this name; may be repeated."),
    click.option(
        "--since",
        metavar="TIME",
        help="Only measurements from this time on: 2026-01-31, 2026-01-31T12:00, or 2h for two "
        "hours ago. Without a zone, it is local time.",
    ),
    click.option("--until", metavar="TIME", help="Only measurements before this time."),
    click.option(
        "--writer",
        multiple=True,
        metavar="TEXT",
        help="Only records whose writer has this text in its description; may be repeated.",
    ),
    click.option(
        "--site",
        multiple=True,
        metavar="N",
        help="Only records with a value of this site; may be repeated.",
    ),
    click.option(
        "--where",
        multiple=True,
        metavar="KEY=VALUE",
        help="Only records whose configuration, output or field KEY has this value; if repeated, "
        "all must hold.",
    ),
)


def choosing_options(command: _Function) -> _Function:
    """Add the options that choose records; the command gets a `RecordFilter` as `chosen`."""

    @wraps(command)
    def choose(**arguments: Any) -> Any:
        names = ("name", "since", "until", "writer", "site", "where")
        chosen = make_filter(**{name: arguments.pop(name) for name in names})
        return command(chosen=chosen, **arguments)

    decorated: Any = choose
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


def find_files(names: tuple[str, ...], state_file: Path | None, target: str | None) -> list[Path]:
    """Return the files of logs: each name is a path, a pattern, or a name that the server knows.

    Raises:
        SessionSharingError: A name means no log.
    """
    found: list[Path] = []
    for name in names:
        is_pattern = any(sign in name for sign in "*?[") and not Path(name).exists()
        found += find_logs(name) if is_pattern else [find_file(name, state_file, target)]
    return [*dict.fromkeys(found)]
