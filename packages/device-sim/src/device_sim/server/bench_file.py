"""Check bench files against the models that can be simulated."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from device_sim.base.folder import DriverFolder
from device_sim.bench import Bench
from device_sim.bench.places import at_line
from device_sim.bench.terminals import is_terminal
from device_sim.clock import Clock
from device_sim.drivers import list_folders, missing_models
from device_sim.errors import BenchError


def load_bench(file: Path, clock: Clock) -> Bench:
    """Return the bench in a file. Log a warning for each likely mistake in it.

    Raises:
        BenchError: The file has an error, or names a model or channel that does not exist.
    """
    bench = Bench.load(file, clock)
    folders = list_folders()
    _refuse_unknown_models(file, bench, folders)
    _refuse_surplus_channels(file, bench, folders)
    return bench


def _refuse_unknown_models(file: Path, bench: Bench, folders: Sequence[DriverFolder]) -> None:
    known = [number for folder in folders for number in folder.models.rows]
    for device, number in bench.models.items():
        if any(folder.models.find(number) for folder in folders):
            continue
        extra = missing_models().get(number)
        similar = ", ".join(get_close_matches(number, known, n=5))
        raise BenchError(
            f"bench {file.name}: {at_line(bench.line_of(f'instrument {device}'))}"
            f"{device}: there is no model '{number}'. "
            + (f"Similar models are {similar}. " if similar else "")
            + (f"To get it, install the extra {extra} of measurement-device-sim. " if extra else "")
            + "The command 'device-sim coverage' lists all models."
        )


def _refuse_surplus_channels(file: Path, bench: Bench, folders: Sequence[DriverFolder]) -> None:
    """Raise BenchError for a channel that its model does not have, or no model has."""
    for channel in bench.channels:
        device, _, number = channel.partition("/")
        if is_terminal(number):
            continue
        wanted = bench.model_of(device)
        known = [
            names
            for folder in folders
            for model in folder.models.rows
            if (names := folder.models.channel_names(model))
            and (wanted is None or folder.models.find(wanted) == model)
        ]
        if not any(number in names for names in known):
            longest = max(known, key=len)
            which = f"a {wanted}" if wanted else "no model"
            has = f"has the channels {longest[0]} to {longest[-1]}" if wanted else "has it"
            where = f"bench {file.name}: {at_line(bench.line_of(f'channel {channel}'))}"
            raise BenchError(f"{where}there is no channel {channel}: {which} {has}.")
