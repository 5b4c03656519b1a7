"""`json-logger export`."""

from __future__ import annotations

import contextlib
import gc
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
from json_logger_client.records import FileSource, RecordFilter, Source, is_store
from session_sharing import InvalidArgumentError
from session_sharing.printing import say

from json_logger_server.cli.choosing import choosing_options, find_files
from json_logger_server.cli.store_options import StoreChoice, reading_options
from json_logger_server.cli.target import server_options
from json_logger_server.export.exporting import FORMATS, Export, ExportOptions, Format, export


@click.command("export")
@click.argument("logs", metavar="LOG...", nargs=-1, required=True)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(FORMATS),
    required=True,
    help="Format of the files.",
)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for the files; it is created if it is missing.",
)
@choosing_options
@reading_options
@click.option(
    "--waveforms",
    type=click.Choice(["npy", "reference"]),
    default="npy",
    show_default=True,
    help="Write the samples of each waveform as a .npy file, or only where they are.",
)
@click.option("--overwrite", is_flag=True, help="Replace files of the same names.")
@click.option(
    "--escape-formulas",
    is_flag=True,
    help="In CSV, put an apostrophe before texts that a spreadsheet program would run.",
)
@click.option("--skip-damaged", is_flag=True, help="Leave out and count lines that are no records.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@server_options
def export_command(
    logs: tuple[str, ...],
    file_format: Format,
    folder: Path,
    chosen: RecordFilter,
    of_store: StoreChoice,
    waveforms: Literal["npy", "reference"],
    overwrite: bool,
    escape_formulas: bool,
    skip_damaged: bool,
    as_json: bool,
    state_file: Path | None,
    target: str | None,
) -> None:
    """Write the records of logs as tables, one file for each measurement name.

    LOG is the path of a log, a pattern, or the name that a server knows. Rotated files are read,
    too. A log may be written meanwhile. Or LOG is the URL of a store, which has the logs of many
    stations.

    Example: json-logger export measurements.ndjson --format parquet --to tables --name leakage
    """
    source: Source
    if any(map(is_store, logs)):
        if len(logs) > 1:
            raise InvalidArgumentError("Export a store by itself, without other logs.")
        source = of_store.source(logs[0], chosen)
    else:
        of_store.check_unused()
        source = FileSource(find_files(logs, state_file, target))
    options = ExportOptions(
        file_format,
        folder,
        overwrite=overwrite,
        waveforms=waveforms,
        escape_formulas=escape_formulas,
    )
    gc.disable()  # records have no cycles; looking for some would double the time
    try:
        with _progress(source.size) as progress:
            done = export(source, options, chosen, "skip" if skip_damaged else "raise", progress)
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    _tell(done, as_json=as_json)


@contextlib.contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar if a person watches, and the size is known."""
    if not size or not sys.stderr.isatty():
        yield lambda _: None
        return
    bar: Any = click.progressbar(length=size, label="Exporting", file=sys.stderr)
    with bar:
        yield bar.update


def _tell(done: Export, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(done), indent=2))
    else:
        for table in done.tables:
            say(f"{table.file}: {table.rows} rows, {len(table.columns)} columns")
        if done.damaged:
            say(f"{done.damaged} lines are not records, and were left out.")
    if not done.tables:
        raise click.ClickException("There is no such record; nothing was written.")
