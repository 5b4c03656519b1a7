"""Check bench files against the models that can be simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from device_sim.base.driver import Driver
from device_sim.bench import Bench
from device_sim.clock import Clock
from device_sim.drivers import missing_extras
from device_sim.errors import BenchError


def load_bench(file: Path, clock: Clock, drivers: Sequence[Driver]) -> Bench:
    """Return the bench in a file. Log a warning for each likely mistake in it.

    Raises:
        BenchError: The file has an error, or names a model or channel that does not exist.
    """
    bench = Bench.load(file, clock)
    _refuse_unknown_models(file, bench.models, drivers)
    _refuse_surplus_channels(file, bench, drivers)
    return bench


def _refuse_unknown_models(
    file: Path, models: Mapping[str, str], drivers: Sequence[Driver]
) -> None:
    for device, number in models.items():
        if not any(driver.models.find(number) for driver in drivers):
            known = ", ".join(sorted(n for driver in drivers for n in driver.models.models))
            extras = ", ".join(missing_extras())
            more = f" To get more models, install the extras {extras} of measurement-device-sim."
            raise BenchError(
                f"bench {file.name}: {device}: there is no model '{number}'. Models are {known}."
                f"{more if extras else ''}"
            )


def _refuse_surplus_channels(file: Path, bench: Bench, drivers: Sequence[Driver]) -> None:
    """Raise BenchError for a channel that its model does not have, or no model has."""
    for channel in bench.channels:
        device, _, number = channel.partition("/")
        wanted = bench.model_of(device)
        found = [driver.models.find(wanted) for driver in drivers] if wanted else []
        models = [model for model in found if model] or [
            model for driver in drivers for model in driver.models.models.values()
        ]
        count = max(model.channels for model in models)
        if not number.isdecimal() or int(number) >= count:
            which = f"a {wanted}" if wanted else "no model"
            has = f"has the channels 0 to {count - 1}" if wanted else "has it"
            raise BenchError(f"bench {file.name}: there is no channel {channel}: {which} {has}.")
