"""Build the sequence files of this folder from MeasureAndLog.toml."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import click
from platform_sim.sequence.description import read_description
from platform_sim.sequence.errors import SequenceError
from platform_sim.sequence.model import (
    MeasurementCall,
    MeasurementParameter,
    PinMapUpdate,
    SequenceFile,
    Step,
)
from platform_sim.sequence.seq_writer import write_sequence_file
from platform_sim.sequence.type_library import NO_TYPES, types_from
from plugin_kit import read_limits

_HERE = Path(__file__).resolve().parent
DESCRIPTION = _HERE / "MeasureAndLog.toml"
"""Description of the sequences."""


@dataclass(frozen=True)
class Variant:
    """How one sequence file differs from the description."""

    pin_map: str
    """Path of the pin map, relative to the sequence file."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    """Expressions of measurement inputs, by parameter name."""

    limits: Mapping[str, object] = field(default_factory=dict)
    """Limits by output, as in a description. They replace those of the description."""

    without: Collection[str] = ()
    """Names of steps of the description that the file does not have."""


DEVICE_STEPS = ("Open the device", "Close the relay", "Close the device")
"""Steps with the custom instrument, which only the bench has."""


VARIANTS = {
    "MeasureAndLogOneSite.seq": Variant(r"pinmaps\OneSite.pinmap", without=DEVICE_STEPS),
    "MeasureAndLogFourSites.seq": Variant(r"pinmaps\FourSites.pinmap", without=DEVICE_STEPS),
    # The DC power plug-in resets its SMU at its end, so the DMM has no voltage to measure. On a
    # bench it measures ohms. The contact of site 2 is open, so its reading has no limits.
    "MeasureAndLogBench.seq": Variant(
        r"pinmaps\Bench.pinmap",
        {"measurement_type": "5i64", "range": "10e3"},
        {
            "measured_value": {
                "low": 998,
                "high": 1002,
                "nominal": 1000,
                "sites": {
                    1: {"low": 2195, "high": 2205, "nominal": 2200},
                    2: {},
                    3: {"low": 4690, "high": 4710, "nominal": 4700},
                },
            }
        },
    ),
}
"""Variant of each sequence file."""


def with_variant(content: SequenceFile, variant: Variant) -> SequenceFile:
    """Return the sequence with the pin map, the steps, the inputs and the limits of a variant."""
    limits = read_limits(variant.limits)

    def parameter(one: MeasurementParameter) -> MeasurementParameter:
        if one.output or one.name not in variant.inputs:
            return one
        return replace(one, value=variant.inputs[one.name])

    def changed(step: Step) -> Step:
        if isinstance(step.call, PinMapUpdate):
            return replace(step, call=PinMapUpdate(f'"{variant.pin_map}"'))
        if isinstance(step.call, MeasurementCall):
            parameters = tuple(map(parameter, step.call.parameters))
            own = {name: limits.get(name, one) for name, one in step.call.limits.items()}
            return replace(step, call=replace(step.call, parameters=parameters, limits=own))
        return step

    def steps(group: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(changed(step) for step in group if step.name not in variant.without)

    sequences = tuple(
        replace(
            sequence,
            setup=steps(sequence.setup),
            main=steps(sequence.main),
            cleanup=steps(sequence.cleanup),
        )
        for sequence in content.sequences
    )
    return replace(content, sequences=sequences)


@click.command(help=__doc__)
@click.option(
    "--types-from",
    "sample",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A .seq file in XML form that your TestStand saved, with a Python Action, an Update Pin "
    "Map and a Measurement step. Its type definitions are copied into the files.",
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
        for name, variant in VARIANTS.items():
            write_sequence_file(output / name, with_variant(content, variant), types)
            click.echo(output / name)
    except (SequenceError, OSError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
