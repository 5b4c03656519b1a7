"""`json-logger store`: make a store, look at it, compare it with the files, and clean it up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from json_logger_proto.names import STATION_VARIABLE
from session_sharing.cli.tables import table
from session_sharing.printing import harmless, say

from json_logger_server.cli.serve import default_roots
from json_logger_server.cli.store_options import store_options

if TYPE_CHECKING:
    from json_logger_server.store.comparing import Comparison, LocalFile

_ROWS = 5_000
"""Records that one statement of `prune` removes, so that stations do not wait for it."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _of_store(command: _Function) -> _Function:
    """Add the options that name the store, and `--json`, to a command."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON for programs."),
        click.option(
            "--store-insecure",
            "insecure",
            is_flag=True,
            help="Connect also if TLS does not prove which host answers.",
        ),
        click.option(
            "--store",
            "url",
            required=True,
            metavar="URL",
            help="The store: postgresql://ROLE@HOST/DATABASE, without a password.",
        ),
    ):
        command = option(command)
    return command


def _of_station(command: _Function) -> _Function:
    """Add the options that name this station and its log folders to a command."""
    for option in (
        click.option(
            "--log-root",
            "roots",
            multiple=True,
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            help="Folder with logs; may be repeated. Default: those of `json-logger serve`.",
        ),
        click.option(
            "--station",
            envvar=STATION_VARIABLE,
            metavar="NAME",
            help=f"Name of this station. Default: {STATION_VARIABLE}, or the host's name.",
        ),
    ):
        command = option(command)
    return command


@click.group("store")
def store_group() -> None:
    """Keep the records of many stations in one PostgreSQL. docs/stations.md has the steps."""


@store_group.command("init")
@_of_store
@click.option(
    "--station-role",
    "roles",
    multiple=True,
    metavar="ROLE",
    help="Login role of a station, which is created if it is missing; may be repeated. Give it a "
    "password with \\password in psql.",
)
def init_command(url: str, insecure: bool, as_json: bool, roles: tuple[str, ...]) -> None:
    r"""Create the tables, functions and roles, or bring an older store up to date.

    The role in URL must be an administrator of the database. To do this again is safe.

    Example: json-logger store init --store postgresql://admin@db/records --station-role station7
    """
    options = store_options(url, None, insecure=insecure)
    from json_logger_server.store.schema import VERSION, initialise

    applied = initialise(options.address, roles)
    if as_json:
        click.echo(json.dumps({"version": VERSION, "applied": applied}))
    elif applied:
        say(f"The store {options.address.shown} now has version {VERSION}.")
    else:
        say(f"The store {options.address.shown} has version {VERSION} already.")


@store_group.command("status")
@_of_store
@_of_station
def status_command(
    url: str, insecure: bool, as_json: bool, station: str | None, roots: tuple[Path, ...]
) -> None:
    """List the logs in the store, what is parked, and what is not copied yet.

    LAG is the number of records in the files of this station that the store does not have.

    Example: json-logger store status --store postgresql://station7@db/records
    """
    options = store_options(url, station, insecure=insecure)
    from json_logger_server.store.comparing import stored_logs
    from json_logger_server.store.statements import Statements

    with closing(Statements(options.address)) as store:
        stored = stored_logs(store)
    rows = [{**row, "lag": None, "file": None} for row in stored.values()]
    by_uid = {row["uid"]: row for row in rows}
    for file in _files(roots):
        uid = file.first.uid(options.station)
        if uid not in by_uid:
            facts = {"uid": uid, "station": options.station, "name": file.path.name}
            new = {"first_seq": file.first.seq, "last_seq": file.first.seq - 1, "parked": 0}
            by_uid[uid] = {**facts, **new, "refusal": None, "stored": None}
            rows.append(by_uid[uid])
        lag = max(0, file.last_seq - by_uid[uid]["last_seq"])
        by_uid[uid].update(lag=lag, file=str(file.path))
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=_plain))
    else:
        _print_status(rows)


@store_group.command("retry")
@_of_store
def retry_command(url: str, insecure: bool, as_json: bool) -> None:
    """Try again the records that the store keeps as bytes, for example after its upgrade.

    The server tries everything else again by itself. The exit code is 1 when records stay parked.

    Example: json-logger store retry --store postgresql://station7@db/records
    """
    options = store_options(url, None, insecure=insecure)
    from json_logger_server.store.statements import Statements

    with closing(Statements(options.address)) as store:
        rows = store.rows("select * from json_logger.retry_parked()")
    left = [row for row in rows if row["refusal"] is not None]
    if as_json:
        click.echo(json.dumps({"stored": len(rows) - len(left), "parked": left}, indent=2))
    else:
        say(f"{len(rows) - len(left)} records are stored now, {len(left)} stay parked.")
        for row in left:
            say(harmless(f"log {row['log']}, record {row['seq']}: {row['refusal']}"))
    if left:
        raise click.exceptions.Exit(1)


@store_group.command("verify")
@click.argument("logs", nargs=-1, metavar="[LOG]...", type=click.Path(path_type=Path))
@_of_store
@_of_station
def verify_command(
    logs: tuple[Path, ...],
    url: str,
    insecure: bool,
    as_json: bool,
    station: str | None,
    roots: tuple[Path, ...],
) -> None:
    """Compare logs of this station with the store, byte for byte. Rotated files belong to a log.

    Without LOG, all logs in the log folders are compared. The exit code is 1 when a file and the
    store are not equal.

    Example: json-logger store verify --store postgresql://station7@db/records
    """
    options = store_options(url, station, insecure=insecure)
    from json_logger_server.store.comparing import compare, local_files, stored_logs
    from json_logger_server.store.statements import Statements

    files = [file for log in logs for file in local_files(log)] if logs else [*_files(roots)]
    with closing(Statements(options.address)) as store:
        stored = stored_logs(store)
        found = [
            compare(store, file, stored.get(file.first.uid(options.station))) for file in files
        ]
    if as_json:
        rows = [{**asdict(item), "is_equal": item.is_equal} for item in found]
        click.echo(json.dumps(rows, indent=2))
    for item in found if not as_json else ():
        if item.is_equal:
            say(f"{harmless(item.file)} and the store are equal: {_equal_parts(item)}.")
        elif item.problem:
            say(f"{harmless(item.file)} and the store differ: {harmless(item.problem)}.")
        else:
            say(f"{harmless(item.file)}: {item.missing} records are not in the store yet.")
    if not all(item.is_equal for item in found):
        raise click.exceptions.Exit(1)


@store_group.command("prune")
@_of_store
@click.option(
    "--older-than",
    "days",
    required=True,
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="Days since the log was closed.",
)
def prune_command(url: str, insecure: bool, as_json: bool, days: float) -> None:
    """Remove the records of whole logs that were closed long ago. Files on stations stay.

    The role in URL must be an administrator of the store. An open log is never touched.

    Example: json-logger store prune --store postgresql://admin@db/records --older-than 730
    """
    options = store_options(url, None, insecure=insecure)
    from json_logger_server.store.statements import Statements

    removed = 0
    with closing(Statements(options.address)) as store:
        while (some := store.prune(days, _ROWS)) is not None:
            removed += some
    if as_json:
        click.echo(json.dumps({"removed": removed}))
    else:
        say(f"{removed} records were removed.")


def _files(roots: tuple[Path, ...]) -> Iterator[LocalFile]:
    """Yield the files of all logs in the log folders."""
    from json_logger_server.store.comparing import local_files
    from json_logger_server.store.files import find_logs

    for log in find_logs(roots or default_roots()):
        if log is not None:
            yield from local_files(log)


def _equal_parts(found: Comparison) -> str:
    parts = f"{found.equal} records"
    if found.waveforms:
        parts += f", {found.waveforms} waveforms"
    if found.other_waveforms:
        parts += f"; {found.other_waveforms} waveforms are only in the file"
    return parts


def _print_status(rows: list[dict[str, Any]]) -> None:
    cells = []
    for row in rows:
        lag = "" if row["lag"] is None else str(row["lag"])
        stored = f"{row['stored']:%Y-%m-%d %H:%M:%S}" if row["stored"] else ""
        span = f"{row['first_seq']}-{row['last_seq']}"
        line = (row["station"], row["name"], span, lag, str(row["parked"]), stored)
        cells.append(tuple(map(harmless, line)))
    say(table(("STATION", "LOG", "RECORDS", "LAG", "PARKED", "LAST STORED"), cells))
    for row in rows:
        if row["refusal"]:
            say(harmless(f"{row['station']}, {row['name']}: parked record {row['refusal']}"))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
