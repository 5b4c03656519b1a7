"""`json-logger tail` and `verify`: reading a log back."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from session_sharing.client import (
    Connection,
    InvalidArgumentError,
    ServerDrainingError,
    ServerUnavailableError,
    SessionSharingError,
    from_rpc_error,
)
from session_sharing.client.backoff import Backoff
from session_sharing.printing import harmless, say
from session_sharing.v1 import lifecycle_pb2

from json_logger_server.cli.finding import find_file, locate
from json_logger_server.cli.target import (
    find_session,
    open_connection,
    reports_errors,
    server_options,
)
from json_logger_server.storage.following import DiskTail
from json_logger_server.storage.verify import verify

_POLL_SECONDS = 0.2


@click.command("tail")
@click.argument("source", metavar="FILE|SESSION")
@click.option("-f", "--follow", is_flag=True, help="Go on with records as they come.")
@click.option(
    "--until-closed", is_flag=True, help="As -f, and end with exit code 0 when the log is closed."
)
@click.option("-n", "count", default=10, show_default=True, help="Records to begin with.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they stand in the file.")
@server_options
@reports_errors
def tail_command(
    source: str,
    follow: bool,
    until_closed: bool,
    count: int,
    as_json: bool,
    state_file: Path | None,
    target: str | None,
) -> None:
    """Print the last records of a log, whose rotated files are read as one with it.

    An open log is read through its server, which gives acknowledged records only; any other one is
    read from disk. With -f it goes on until Ctrl-C, also when the log is closed and opened again;
    the exit code is 1 when its server stops.

    Example: json-logger tail -f measurements.ndjson
    """
    if count < 0:
        raise InvalidArgumentError("-n must be 0 or more.")
    tail = _Tail(count, follow or until_closed, until_closed)
    try:
        for line in tail.lines(source, state_file, target):
            if as_json and sys.stdout.isatty():
                say(harmless(line.decode(errors="backslashreplace")))
            elif as_json:
                click.echo(line)
            else:
                say(harmless(summary(line)))
    except KeyboardInterrupt:
        return


@click.command("verify")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@server_options
@reports_errors
def verify_command(file: str, as_json: bool, state_file: Path | None, target: str | None) -> None:
    """Check a whole log: every line, and that no record is missing or there twice.

    FILE is a log, or its name for the server that writes it. Its rotated files are checked with it.
    The exit code is 1 when something is wrong.

    Example: json-logger verify measurements.ndjson
    """
    path = find_file(file, state_file, target)
    verdict = verify(path)
    if as_json:
        click.echo(json.dumps({"file": str(path), "ok": not verdict.problem, **asdict(verdict)}))
    elif verdict.problem:
        problem = verdict.problem
        say(f"{problem.file}, line {problem.line}: {problem.reason}.")
    else:
        others = verdict.records - verdict.numbered
        foreign = f", {others} of them by programs that do not number theirs" if others else ""
        files = f" in {verdict.files} files" if verdict.files > 1 else ""
        say(f"{path} is in order: {verdict.records} records{files}{foreign}.")
    if verdict.problem:
        raise click.exceptions.Exit(1)


def summary(line: bytes) -> str:
    """Say in one line for people what a record tells."""
    try:
        record = json.loads(line)
        when, name = record["timestamp"], record["measurement_name"]
        values = ", ".join(map(_pair, record["measurement_outputs"].items()))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return line.decode(errors="replace")
    number = f"{record['seq']:>6}  " if isinstance(record.get("seq"), int) else ""
    return f"{number}{when}  {name}  {values}"


def _pair(item: tuple[str, Any]) -> str:
    text = json.dumps(item[1], ensure_ascii=False)
    return f"{item[0]}={text if len(text) <= 60 else text[:57] + '...'}"


class _Tail:
    """One tail: from the server while the log is open there, from disk otherwise."""

    def __init__(self, count: int, follow: bool, until_closed: bool) -> None:
        self._count = count
        self._follow = follow
        self._until_closed = until_closed

    def lines(self, source: str, state_file: Path | None, target: str | None) -> Iterator[bytes]:
        """Give the lines of a log, a session or a file on disk.

        Raises:
            SessionSharingError: There is none, or it cannot be read.
        """
        connection = _connection_if_any(source, state_file, target)
        if connection is None:
            yield from self._from_disk(Path(source))
            return
        with connection:
            session = find_session(connection, source)
            if session is None:
                here = Path(source).is_file()
                path = Path(source) if here else locate(connection, source)
            else:
                path = Path(session.details.get("path", ""))
                next_seq = yield from self._from_server(connection, session)
        if session is None:
            yield from self._from_disk(path)
        elif self._follow and not self._until_closed and path.is_file():
            yield from self._on_disk(path, next_seq)

    def _from_server(
        self, connection: Connection, session: lifecycle_pb2.SessionInfo
    ) -> Generator[bytes, None, int]:
        """Read an open log; when the connection breaks, go on where it did.

        Returns:
            The number to go on with once the log is closed.
        """
        stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
        last = int(session.details.get("last_seq", 0))
        request = pb.TailRequest(
            session_name=session.name,
            from_seq=max(1, last - self._count + 1),
            follow=self._follow,
        )
        backoff = Backoff()
        while True:
            try:
                for answer in stub.Tail(request):
                    request.from_seq = answer.next_seq
                    backoff.reset()
                    yield from answer.ndjson.splitlines()
                    if answer.draining:
                        raise ServerDrainingError(
                            f"The server stops, before record {answer.next_seq}."
                        )
                return request.from_seq
            except grpc.RpcError as rpc_error:
                error = from_rpc_error(rpc_error)
                if not isinstance(error, ServerUnavailableError) or not self._follow:
                    raise error from rpc_error
                time.sleep(backoff.next_pause())

    def _from_disk(self, path: Path) -> Iterator[bytes]:
        """Read a log that is not open."""
        with DiskTail(path) as tail:
            yield from tail.last(self._count)
            while self._follow and not self._until_closed:
                yield from tail.more()
                time.sleep(_POLL_SECONDS)

    def _on_disk(self, path: Path, next_seq: int) -> Iterator[bytes]:
        """Go on with a log that was closed while it was followed, from a number on."""
        with DiskTail(path) as tail:
            tail.go_to(next_seq)
            while True:
                yield from tail.more()
                time.sleep(_POLL_SECONDS)


def _connection_if_any(
    source: str, state_file: Path | None, target: str | None
) -> Connection | None:
    """Connect when there is a server; a file on disk can be read without one."""
    try:
        return open_connection(state_file, target)
    except SessionSharingError:
        if state_file or target or not Path(source).is_file():
            raise
        return None
