"""`json-logger report`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from json_logger_server.cli.target import reports_errors


@click.command("report")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page to write. Default: beside FILE, with the suffix .html.",
)
@reports_errors
def report_command(file: Path, output: Path | None) -> None:
    """Write one HTML page with a log's measurements over time; it needs no network to be opened.

    Example: json-logger report measurements.ndjson
    """
    if importlib.util.find_spec("plotly") is None:
        raise click.ClickException(
            "Reports are drawn by plotly, which is not installed: "
            "pip install 'json-logger-server[report]'"
        )
    from json_logger_server.report.page import make_page
    from json_logger_server.report.series import read_log

    contents = read_log(file)
    output = output or file.with_suffix(".html")
    output.write_text(make_page(contents, file), encoding="utf-8")
    click.echo(f"{output}: {len(contents.measurements)} measurements, {contents.records} records.")
