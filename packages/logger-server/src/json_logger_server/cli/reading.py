"""`json-logger tail` and `verify`: reading a log back."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from session_sharing.client import Connection
from session_sharing.client.backoff import Backoff
from session_sharing.client.errors import ServerUnavailableError, from_rpc_error
from session_sharing.core.errors import (
    InvalidArgumentError,
    ServerDrainingError,
    SessionSharingError,
)
from session_sharing.v1 import lifecycle_pb2

from json_logger_server.cli.target import (
    find_session,
    open_connection,
    reports_errors,
    server_options,
)
from json_logger_server.storage.verify import verify

_POLL_SECONDS = 0.2


@click.command("tail")
@click.argument("source", metavar="FILE|SESSION")
@click.option("-f", "--follow", is_flag=True, help="Go on with records as they come.")
@click.option("-n", "count", default=10, show_default=True, help="Records to begin with.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as they stand in the file.")
@server_options
@reports_errors
def tail_command(
    source: str,
    follow: bool,
    count: int,
    as_json: bool,
    state_file: Path | None,
    target: str | None,
) -> None:
    """Print the last records of a log.

    An open log is read through its server, which gives acknowledged records only; any other file
    is read from disk. With -f the exit code is 0 when the log is closed, 1 when its server stops.

    Example: json-logger tail -f measurements.ndjson
    """
    if count < 0:
        raise InvalidArgumentError("-n must be 0 or more.")
    try:
        for line in _lines(source, count, follow, state_file, target):
            click.echo(line.decode() if as_json else summary(line))
    except KeyboardInterrupt:
        return


@click.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@reports_errors
def verify_command(file: Path, as_json: bool) -> None:
    """Check a whole log: every line, and that no record is missing or there twice.

    The exit code is 1 when something is wrong.

    Example: json-logger verify measurements.ndjson
    """
    verdict = verify(file)
    if as_json:
        click.echo(json.dumps({"file": str(file), "ok": not verdict.problem, **asdict(verdict)}))
    elif verdict.problem:
        click.echo(f"{file}, line {verdict.problem.line}: {verdict.problem.reason}.")
    else:
        others = verdict.records - verdict.numbered
        foreign = f", {others} of them by programs that do not number theirs" if others else ""
        click.echo(f"{file} is in order: {verdict.records} records{foreign}.")
    if verdict.problem:
        raise click.exceptions.Exit(1)


def summary(line: bytes) -> str:
    """Say in one line for people what a record tells."""
    try:
        record = json.loads(line)
        when, name = record["timestamp"], record["measurement_name"]
        values = ", ".join(map(_pair, record["measurement_outputs"].items()))
    except (ValueError, LookupError, TypeError, AttributeError):
        return line.decode(errors="replace")
    number = f"{record['seq']:>6}  " if "seq" in record else ""
    return f"{number}{when}  {name}  {values}"


def _pair(item: tuple[str, Any]) -> str:
    text = json.dumps(item[1], ensure_ascii=False)
    return f"{item[0]}={text if len(text) <= 60 else text[:57] + '...'}"


def _lines(
    source: str, count: int, follow: bool, state_file: Path | None, target: str | None
) -> Iterator[bytes]:
    connection = _connection_if_any(source, state_file, target)
    if connection is not None:
        with connection:
            session = find_session(connection, source)
            if session is not None:
                yield from _from_server(connection, session, count, follow)
                return
    if not Path(source).is_file():
        raise InvalidArgumentError(f"{source!r} is neither an open log nor a file.")
    yield from _from_disk(Path(source), count, follow)


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


def _from_server(
    connection: Connection, session: lifecycle_pb2.SessionInfo, count: int, follow: bool
) -> Iterator[bytes]:
    """Read an open log; when the connection breaks, go on where it did."""
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
    last = int(session.details.get("last_seq", 0))
    request = pb.TailRequest(
        session_name=session.name, from_seq=max(1, last - count + 1), follow=follow
    )
    backoff = Backoff()
    while True:
        try:
            for answer in stub.Tail(request):
                request.from_seq = answer.next_seq
                backoff.reset()
                yield from answer.ndjson.splitlines()
                if answer.draining:
                    raise ServerDrainingError(f"The server stops, before record {answer.next_seq}.")
            return
        except grpc.RpcError as rpc_error:
            error = from_rpc_error(rpc_error)
            if not isinstance(error, ServerUnavailableError) or not follow:
                raise error from rpc_error
            time.sleep(backoff.next_pause())


def _from_disk(path: Path, count: int, follow: bool) -> Iterator[bytes]:
    with path.open("rb") as file:
        last: deque[bytes] = deque(maxlen=count)
        rest = b""
        for line in _whole_lines(file):
            last.append(line)
        yield from last
        while follow:
            rest += file.read()
            *lines, rest = rest.split(b"\n")
            yield from lines
            time.sleep(_POLL_SECONDS)


def _whole_lines(file: Any) -> Iterable[bytes]:
    """Read up to the last newline, and leave the file there."""
    end = 0
    for line in iter(file.readline, b""):
        if not line.endswith(b"\n"):
            break
        end += len(line)
        yield line.rstrip(b"\r\n")
    file.seek(end)
