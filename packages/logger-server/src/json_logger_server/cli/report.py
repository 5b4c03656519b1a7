"""`json-logger report`."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import click
from json_logger_client.records import RecordFilter, is_store
from session_sharing.printing import readable, say

from json_logger_server.cli.choosing import choosing_options
from json_logger_server.cli.finding import find_file
from json_logger_server.cli.store_options import StoreChoice, reading_options
from json_logger_server.cli.target import server_options
from json_logger_server.report.reading import read_log, read_source
from json_logger_server.report.series import LogContents
from json_logger_server.report.summary import summary


@click.command("report")
@click.argument("file")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write. Default: the path of the log with .html appended.",
)
@click.option(
    "--by",
    "by",
    multiple=True,
    metavar="CONFIGURATION",
    help="Show records separately that differ in this configuration; may be repeated.",
)
@choosing_options
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON; write no page.")
@server_options
def report_command(
    file: str,
    output: Path | None,
    by: tuple[str, ...],
    chosen: RecordFilter,
    of_store: StoreChoice,
    as_json: bool,
    state_file: Path | None,
    target: str | None,
) -> None:
    """Write an HTML page that shows the measurements of a log over time. It needs no network.

    FILE is the path of a log, or the name that its server knows. Its rotated files are read, too.
    Or FILE is the URL of a store, which has the logs of many stations; its page is store.html.

    Example: json-logger report measurements.ndjson --by voltage
    """
    if as_json and output is not None:
        raise click.UsageError("-o writes a page, and --json writes no page. Use one of them.")
    if is_store(file):
        path = Path("store")
        contents = read_source(of_store.source(file, chosen), by, chosen)
    else:
        of_store.check_unused()
        path = find_file(file, state_file, target)
        contents = read_log(path, by, chosen)
    if as_json:
        click.echo(json.dumps(summary(contents, path), indent=2, allow_nan=False))
    else:
        output = output or path.with_name(f"{path.name}.html")
        _write_page(contents, path, output)
        found = f"{len(contents.measurements)} measurements, {contents.records} records"
        say(f"{output}: {found}.")


def _write_page(contents: LogContents, file: Path, output: Path) -> None:
    if importlib.util.find_spec("plotly") is None:
        raise click.ClickException(
            "The report needs plotly, which is not installed. Install it: "
            "pip install 'json-logger-server[report]'"
        )
    from json_logger_server.report.page import make_page

    page = make_page(contents, Path(readable(file.name)))
    # A record of another program may have lone surrogates, which UTF-8 cannot encode.
    output.write_text(page, encoding="utf-8", errors="replace")
