"""`json-logger tail` and `verify`: print the records of a log, and check a log."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import grpc
from json_logger_client.records import DiskTail, RecordFilter, StoredLine, StoreTail, is_store
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

from json_logger_server.cli.choosing import choosing_options
from json_logger_server.cli.finding import find_file, locate
from json_logger_server.cli.store_options import StoreChoice, reading_options
from json_logger_server.cli.target import (
    find_session,
    open_connection,
    server_options,
)
from json_logger_server.storage.verify import verify

_POLL_SECONDS = 0.2
_POLL_STORE_SECONDS = 1.0


@click.command("tail")
@click.argument("source", metavar="FILE|SESSION|URL")
@click.option("-f", "--follow", is_flag=True, help="Continue with new records as they are written.")
@click.option(
    "--until-closed", is_flag=True, help="Like -f, but end with exit code 0 when the log is closed."
)
@click.option(
    "-n", "count", default=10, show_default=True, help="Number of records to print first."
)
@choosing_options
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print the lines exactly as in the file.")
@server_options
def tail_command(
    source: str,
    follow: bool,
    until_closed: bool,
    count: int,
    chosen: RecordFilter,
    of_store: StoreChoice,
    as_json: bool,
    state_file: Path | None,
    target: str | None,
) -> None:
    """Print the last records of a log. Its rotated files belong to it.

    The server of an open log reads it, and returns only acknowledged records. A log that is not
    open is read from disk. With -f, the command continues until Ctrl-C, also when the log is closed
    and opened again. If the server stops, the exit code is 1.

    URL is a store, which has the logs of many stations. Its records are printed in the order in
    which they arrived there.

    Example: json-logger tail -f measurements.ndjson --name leakage
    """
    if count < 0:
        raise InvalidArgumentError("-n must be 0 or more.")
    try:
        if is_store(source):
            if until_closed:
                raise InvalidArgumentError("A store has many logs. Use -f instead.")
            for station, line in _stored_lines(of_store.tail(source, chosen), count, follow=follow):
                _print(line, as_json=as_json, station=station)
            return
        of_store.check_unused()
        tail = _Tail(count, chosen, follow=follow or until_closed, until_closed=until_closed)
        for line in tail.lines(source, state_file, target):
            _print(line, as_json=as_json)
    except KeyboardInterrupt:
        return


@click.command("verify")
@click.argument("file")
@click.option(
    "--schema",
    "with_schema",
    is_flag=True,
    help="Also check each record against the JSON Schema of records.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@server_options
def verify_command(
    file: str, with_schema: bool, as_json: bool, state_file: Path | None, target: str | None
) -> None:
    """Check every line of a log, and that no record is missing or duplicated.

    FILE is the path of a log, or the name that its server knows. The rotated files are checked,
    too. The exit code is 1 when something is wrong.

    Example: json-logger verify measurements.ndjson
    """
    path = find_file(file, state_file, target)
    verdict = verify(path, with_schema=with_schema)
    if as_json:
        click.echo(json.dumps({"file": str(path), "ok": not verdict.problem, **asdict(verdict)}))
    elif verdict.problem:
        problem = verdict.problem
        say(f"{problem.file}, line {problem.line}: {problem.reason}.")
    else:
        others = verdict.records - verdict.numbered
        foreign = f", {others} of them by programs that do not number records" if others else ""
        files = f" in {verdict.files} files" if verdict.files > 1 else ""
        waves = f", {verdict.waveforms} waveforms" if verdict.waveforms else ""
        say(f"{path} is in order: {verdict.records} records{waves}{files}{foreign}.")
    if verdict.problem:
        raise click.exceptions.Exit(1)


def _stored_lines(tail: StoreTail, count: int, *, follow: bool) -> Iterator[StoredLine]:
    """Yield the last records of a store, and those that arrive later."""
    yield from tail.last(count)
    while follow:
        time.sleep(_POLL_STORE_SECONDS)
        yield from tail.more()


def _print(line: bytes, *, as_json: bool, station: str = "") -> None:
    if as_json and sys.stdout.isatty():
        say(harmless(line.decode(errors="backslashreplace")))
    elif as_json:
        click.echo(line)
    else:
        say(harmless(f"{station}  {summary(line)}" if station else summary(line)))


def summary(line: bytes) -> str:
    """Return a record as one line of text for people."""
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
    """Read the end of one log: from the server if the log is open there, otherwise from disk."""

    def __init__(
        self, count: int, chosen: RecordFilter, *, follow: bool, until_closed: bool
    ) -> None:
        self._count = count
        self._chosen = chosen
        self._follow = follow
        self._until_closed = until_closed

    def lines(self, source: str, state_file: Path | None, target: str | None) -> Iterator[bytes]:
        """Yield the lines of a log, a session or a file on disk.

        Raises:
            SessionSharingError: The log does not exist, or cannot be read.
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
        """Read an open log. After a lost connection, continue with the next record.

        Returns:
            The number of the record that comes next after the log was closed.
        """
        stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(connection.channel)
        last = int(session.details.get("last_seq", 0))
        searches = self._count > 0 and not self._chosen.is_empty
        first = 1 if searches else max(1, last - self._count + 1)
        # Of the lines up to `last`, only the last chosen ones are printed.
        earlier = deque[bytes](maxlen=self._count) if searches and last else None
        request = pb.TailRequest(session_name=session.name, from_seq=first, follow=self._follow)
        backoff = Backoff()
        while True:
            try:
                for answer in stub.Tail(request):
                    request.from_seq = answer.next_seq
                    backoff.reset()
                    lines = [*filter(self._chosen.accepts_line, answer.ndjson.splitlines())]
                    if earlier is None:
                        yield from lines
                    else:
                        earlier.extend(lines)
                        if answer.next_seq > last:
                            yield from earlier
                            earlier = None
                    if answer.draining:
                        raise ServerDrainingError(
                            f"The server is stopping; the next record is {answer.next_seq}."
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
            accepts = self._chosen.accepts_line
            yield from tail.last(self._count, accepts)
            while self._follow and not self._until_closed:
                yield from filter(accepts, tail.more())
                time.sleep(_POLL_SECONDS)

    def _on_disk(self, path: Path, next_seq: int) -> Iterator[bytes]:
        """Follow a log on disk from the record `next_seq`, after its session was closed."""
        with DiskTail(path) as tail:
            tail.go_to(next_seq)
            while True:
                yield from filter(self._chosen.accepts_line, tail.more())
                time.sleep(_POLL_SECONDS)


def _connection_if_any(
    source: str, state_file: Path | None, target: str | None
) -> Connection | None:
    """Connect to the server; return None if there is no server but `source` is a file."""
    try:
        return open_connection(state_file, target)
    except SessionSharingError:
        if state_file or target or not Path(source).is_file():
            raise
        return None
