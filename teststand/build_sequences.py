"""Build the sequence files of this folder from MeasureAndLog.toml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from platform_sim.sequence.description import read_description
from platform_sim.sequence.errors import SequenceError
from platform_sim.sequence.model import PinMapUpdate, SequenceFile, Step
from platform_sim.sequence.seq_writer import write_sequence_file
from platform_sim.sequence.type_library import NO_TYPES, types_from

_HERE = Path(__file__).resolve().parent
DESCRIPTION = _HERE / "MeasureAndLog.toml"
"""What the sequences say."""

PIN_MAPS = {
    "MeasureAndLogOneSite.seq": r"pinmaps\OneSite.pinmap",
    "MeasureAndLogFourSites.seq": r"pinmaps\FourSites.pinmap",
}
"""Pin map of each sequence file, relative to it."""


def with_pin_map(content: SequenceFile, pin_map: str) -> SequenceFile:
    """Return the sequence with another path in its Update Pin Map steps."""

    def changed(step: Step) -> Step:
        if not isinstance(step.call, PinMapUpdate):
            return step
        return replace(step, call=PinMapUpdate(f'"{pin_map}"'))

    sequences = tuple(
        replace(sequence, setup=tuple(changed(step) for step in sequence.setup))
        for sequence in content.sequences
    )
    return replace(content, sequences=sequences)


@click.command(help=__doc__)
@click.option(
    "--types-from",
    "sample",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A .seq file in XML form that your TestStand saved, with a Python Action, an Update Pin "
    "Map and a Measurement step: its type definitions go into the files.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=_HERE,
    help="Folder to write to.",
)
def main(sample: Path | None, output: Path) -> None:
    """Build every sequence file."""
    try:
        types = types_from(sample) if sample else NO_TYPES
        content = read_description(DESCRIPTION)
        for name, pin_map in PIN_MAPS.items():
            write_sequence_file(output / name, with_pin_map(content, pin_map), types)
            click.echo(output / name)
    except (SequenceError, OSError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
