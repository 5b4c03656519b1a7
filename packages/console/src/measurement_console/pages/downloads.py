"""Download records: as in the file, as a table, or as a report."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from json_logger_client.records import FileSource, RecordFilter, to_arrow
from session_sharing.client import SessionSharingError
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from measurement_console.errors import RefusedError
from measurement_console.pages.choosing import chosen_by
from measurement_console.pages.page import arguments_of, console_of

_REPORT_SECONDS = 300
_NO_ARROW = (
    "Tables need pyarrow, which is not installed here. Install it: pip install "
    '"measurement-console[export]". Or run: json-logger export {log} --format {kind} --to FOLDER'
)


async def download(request: Request) -> Response:
    """Return the chosen records of a log as a file."""
    arguments = arguments_of(request)
    path = arguments.get("log", "")
    console = console_of(request)
    console.logs.reader(path)  # refuses an unknown log
    if not console.logger.is_on_this_host or not Path(path).is_file():
        raise RefusedError(404, "The log is not on this host. Download it there.")
    kind, chosen = arguments.get("format", "ndjson"), chosen_by(arguments)
    name = Path(path).stem
    try:
        if kind == "ndjson":
            lines = _lines(FileSource([Path(path)]), chosen)
            return StreamingResponse(
                iterate_in_threadpool(lines), headers=_as_file(f"{name}.ndjson", "x-ndjson")
            )
        if kind == "report":
            return await _report(Path(path))
        table = await asyncio.to_thread(_table, path, arguments.get("name", ""), kind, chosen)
        return Response(table, headers=_as_file(f"{name}.{kind}", "octet-stream"))
    except SessionSharingError as error:
        raise RefusedError(409, str(error)) from error


def _lines(source: FileSource, chosen: RecordFilter) -> Iterator[bytes]:
    """Yield the chosen lines, exactly as in the file."""
    for lines in source.lines():
        if chosen.is_empty:
            yield lines.data
        else:
            yield b"".join(
                line + b"\n" for line in lines.data.splitlines() if chosen.accepts_line(line)
            )


def _table(path: str, name: str, kind: str, chosen: RecordFilter) -> bytes:
    """Return the records of one measurement as a file.

    Raises:
        RefusedError: No measurement is chosen, the format is unknown, or pyarrow is missing.
    """
    if kind not in ("csv", "parquet"):
        raise RefusedError(400, "The formats are ndjson, csv, parquet and report.")
    if not name:
        raise RefusedError(400, "Choose a measurement first: each one has its own columns.")
    conditions = [f"{one.key}={one.values[0]}" for one in chosen.where]
    try:
        tables = to_arrow(
            path, damaged="skip", name=name, since=chosen.since, where=conditions or None
        )
    except ImportError as error:
        raise RefusedError(501, _NO_ARROW.format(log=path, kind=kind)) from error
    if name not in tables:
        raise RefusedError(404, "There is no such record.")
    return _encode(tables[name], kind)


def _encode(table: Any, kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "parquet":
        from pyarrow import parquet

        parquet.write_table(table, file)
    else:
        from pyarrow import csv

        csv.write_csv(_flat(table), file)
    return file.getvalue()


def _flat(table: Any) -> Any:
    """Return a table without nested columns, which CSV does not have: they become JSON."""
    import pyarrow

    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pyarrow.types.is_nested(column.type):
            texts = [
                None if one is None else json.dumps(one, default=str) for one in column.to_pylist()
            ]
            columns[name] = pyarrow.array(texts, pyarrow.string())
        else:
            columns[name] = column
    return pyarrow.table(columns)


async def _report(path: Path) -> Response:
    """Return the page that `json-logger report` writes."""
    program = shutil.which("json-logger")
    if program is None:
        raise RefusedError(
            501, f"json-logger is not installed beside the console. Run: json-logger report {path}"
        )
    folder = Path(tempfile.mkdtemp(prefix="measurement-console-"))
    page = folder / "report.html"
    process = await asyncio.create_subprocess_exec(
        program,
        "report",
        str(path),
        "-o",
        str(page),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, problem = await asyncio.wait_for(process.communicate(), _REPORT_SECONDS)
        if process.returncode or not page.is_file():
            raise RefusedError(409, problem.decode(errors="replace").strip() or "It failed.")
        content = page.read_bytes()
    except asyncio.TimeoutError as error:
        process.kill()
        raise RefusedError(504, f"It takes too long. Run: json-logger report {path}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Response(content, headers=_as_file(f"{path.name}.html", "octet-stream"))


def _as_file(name: str, kind: str) -> dict[str, str]:
    """Return headers with which a browser saves a file, and never shows it as a page."""
    plain = "".join(char if char.isalnum() or char in "._-" else "_" for char in name)
    safe = plain.encode("ascii", "replace").decode().replace("?", "_")
    return {
        "Content-Type": f"application/{kind}",
        "Content-Disposition": f'attachment; filename="{safe}"',
    }
