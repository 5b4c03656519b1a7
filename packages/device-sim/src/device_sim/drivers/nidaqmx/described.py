"""Say which properties the simulation has, for the coverage report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from device_sim.base.files import FileRoots
from device_sim.base.instrument import Surroundings
from device_sim.base.models import ModelBook
from device_sim.base.overview import AttributeFacts
from device_sim.clock import ManualClock
from device_sim.drivers.nidaqmx.attributes import AttributeTable
from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.create_calls import CreateCalls
from device_sim.drivers.nidaqmx.hardware import Hardware
from device_sim.drivers.nidaqmx.properties import groups_of
from device_sim.drivers.nidaqmx.system import System
from device_sim.drivers.nidaqmx.task import Task


def describe(
    table: AttributeTable, tables: Mapping[str, Any], book: ModelBook
) -> list[AttributeFacts]:
    """Return the properties that a task, a channel or a device has, by group and name.

    Args:
        table: The properties of NI-DAQmx.
        tables: The content of `calls.toml`.
        book: The models.
    """
    from device_sim.bench import Bench

    clock = ManualClock()
    bench = Bench(clock)
    system = System(table, bench)
    hardware = Hardware(Surroundings(clock, bench, FileRoots([])), table, system)
    everywhere = dict.fromkeys(_of_tasks(hardware, tables["create"]), tuple(book.rows))
    found = {**everywhere, **_of_devices(system, book)}
    return [
        AttributeFacts(
            name=name.lower(),
            type=table.named(group, name).kind,
            owner=group,
            read_only=not table.named(group, name).is_writable,
            models=models,
        )
        for (group, name), models in sorted(found.items())
    ]


def _of_tasks(
    hardware: Hardware, rows: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    calls = CreateCalls(rows, hardware.table)
    for row in rows.values():
        task = Task("", hardware)
        attributes = calls.attributes_of(row, ())
        named = {*attributes.names, *row.get("fields", {}).values()}
        yield from (("Channel", name) for name in named)
        task.channels.append(Channel("channel", row["kind"], (), attributes))
        for group, owner in groups_of(task).items():
            yield from ((group, name) for name in owner.names)


def _of_devices(system: System, book: ModelBook) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the models with each property of devices, of those in a system without a bench."""
    found: dict[tuple[str, str], list[str]] = {}
    for device in system:
        owners = [*device.groups.values(), *_channels(device.channels("ai", "ao", "line", "port"))]
        for owner in owners:
            for name in owner.names:
                models = found.setdefault((owner.group, name), [])
                if device.number not in models:
                    models.append(device.number)
    order = list(book.rows)
    return {key: tuple(sorted(models, key=order.index)) for key, models in found.items()}


def _channels(physical: Iterable[Any]) -> list[Any]:
    return [each.attributes for each in physical]
