"""`device-sim coverage`: tells what is simulated of the drivers."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("coverage")
@click.argument(
    "document", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--check", is_flag=True, help="Fail if DOCUMENT is out of date; do not write.")
def coverage_command(document: Path | None, *, check: bool) -> None:
    """Print which models, methods, properties and calls are simulated, as Markdown.

    With DOCUMENT, bring the generated part of that file up to date instead.

    Example: device-sim coverage
    """
    from device_sim import coverage  # NI's packages take long to import

    if document is None:
        click.echo(coverage.tables())
        return
    old = document.read_text(encoding="utf-8")
    new = coverage.updated(old)
    if check and new != old:
        raise click.ClickException(f"{document} is out of date; run this without --check.")
    if new != old:
        document.write_text(new, encoding="utf-8")
