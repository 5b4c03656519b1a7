"""What answers the calls of a device server: bench and drivers, as handlers for gRPC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc

from platform_sim.devices.bench import Bench
from platform_sim.devices.clock import Clock
from platform_sim.devices.control import CONTROL_SERVICE, ControlService
from platform_sim.devices.driver import Driver, DriverCalls
from platform_sim.devices.drivers import load_drivers
from platform_sim.devices.errors import BenchError
from platform_sim.devices.files import FileRoots
from platform_sim.devices.instrument import InstrumentSession, Surroundings
from platform_sim.devices.reflection import SHARED_SERVICES, reflection_handler
from platform_sim.devices.sessions import SessionTable
from platform_sim.devices.transport import generic_handler


class Simulation:
    """The drivers of one server on their bench.

    Args:
        bench: A bench file, or None for instruments that are wired to nothing.
        clock: Where time comes from.
        sessions: Where the sessions of all drivers are kept.
        files: The files that clients may name.

    Raises:
        BenchError: The bench file makes no sense.
    """

    def __init__(
        self,
        bench: Path | None,
        clock: Clock,
        sessions: SessionTable[InstrumentSession],
        files: FileRoots,
    ) -> None:
        self.bench = Bench.load(bench, clock) if bench else Bench(clock)
        drivers = list(load_drivers())
        if bench:
            _refuse_unknown_models(bench, self.bench.models, drivers)
            _refuse_surplus_channels(bench, self.bench, drivers)
        surroundings = Surroundings(clock, self.bench, files)
        calls = [DriverCalls(each, sessions, surroundings, self.bench.faults) for each in drivers]
        self.handlers: Sequence[grpc.GenericRpcHandler] = [
            *map(generic_handler, calls),
            ControlService(self.bench, sessions).generic_handler(),
            reflection_handler(
                [*(each.interface for each in drivers), *SHARED_SERVICES, CONTROL_SERVICE]
            ),
        ]


def _refuse_unknown_models(
    file: Path, models: Mapping[str, str], drivers: Sequence[Driver]
) -> None:
    for device, number in models.items():
        if not any(driver.models.find(number) for driver in drivers):
            known = ", ".join(sorted(n for driver in drivers for n in driver.models.models))
            raise BenchError(f"bench {file.name}: {device}: no model '{number}'; there are {known}")


def _refuse_surplus_channels(file: Path, bench: Bench, drivers: Sequence[Driver]) -> None:
    """Raise BenchError for a channel that its model, or without one any model, does not have."""
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
            raise BenchError(f"bench {file.name}: there is no channel {channel}: {which} {has}")
