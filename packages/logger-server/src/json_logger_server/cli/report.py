"""`json-logger report`."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import click

from json_logger_server.cli.target import reports_errors
from json_logger_server.report.series import LogContents, read_log
from json_logger_server.report.summary import summary


@click.command("report")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write. Default: beside FILE, with the suffix .html.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the tables as JSON; write no page.")
@reports_errors
def report_command(file: Path, output: Path | None, as_json: bool) -> None:
    """Write one HTML page with a log's measurements over time; it needs no network to be opened.

    Example: json-logger report measurements.ndjson
    """
    if as_json and output is not None:
        raise click.UsageError("-o writes a page and --json writes none; choose one.")
    contents = read_log(file)
    if as_json:
        click.echo(json.dumps(summary(contents, file), indent=2, allow_nan=False))
    else:
        output = output or file.with_suffix(".html")
        _write_page(contents, file, output)
        found = f"{len(contents.measurements)} measurements, {contents.records} records"
        click.echo(f"{output}: {found}.")


def _write_page(contents: LogContents, file: Path, output: Path) -> None:
    if importlib.util.find_spec("plotly") is None:
        raise click.ClickException(
            "Reports are drawn by plotly, which is not installed: "
            "pip install 'json-logger-server[report]'"
        )
    from json_logger_server.report.page import make_page

    output.write_text(make_page(contents, file), encoding="utf-8")
