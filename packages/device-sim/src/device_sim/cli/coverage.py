"""`device-sim coverage`: list what is simulated of the drivers."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("coverage")
@click.argument(
    "document", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--check", is_flag=True, help="Write nothing. Fail if DOCUMENT is out of date.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def coverage_command(document: Path | None, *, check: bool, as_json: bool) -> None:
    """Print the simulated models, methods, properties and calls, as Markdown.

    With DOCUMENT, update the generated part of that file instead. With --json, print a list with
    an object for each driver.

    Example: device-sim coverage
    """
    from device_sim import coverage  # NI's packages take long to import

    if as_json and document is not None:
        raise click.UsageError("--json does not go with a DOCUMENT. Leave one of them out.")
    if as_json:
        click.echo(coverage.as_json())
        return
    if document is None:
        click.echo(coverage.tables())
        return
    old = document.read_text(encoding="utf-8")
    new = coverage.updated(old)
    if check and new != old:
        raise click.ClickException(f"{document} is out of date. Run this command without --check.")
    if new != old:
        document.write_text(new, encoding="utf-8")
