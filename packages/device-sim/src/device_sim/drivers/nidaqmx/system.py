"""The devices of a system that runs NI-DAQmx: their properties, channels and terminals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_sim.base.models import ModelBook, expand_names
from device_sim.base.overview import DeviceFacts
from device_sim.drivers.nidaqmx.attributes import Attributes, AttributeTable
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.names import device_of, expand
from device_sim.errors import DriverError
from device_sim.toml import read_data

if TYPE_CHECKING:
    from device_sim.bench import Bench

VERSION = (26, 0, 0)
"""The version of NI-DAQmx that clients see: major, minor, update."""

_KINDS = {
    "ai": ("AI",),
    "ao": ("AO",),
    "ctr": ("CI", "CO"),
    "freqout": ("CO",),
    "line": ("DI", "DO"),
    "port": ("DI", "DO"),
}
"""The kinds of tasks that may have a physical channel, by the word in its name."""

_CHANNEL = re.compile(r"(?:port(?P<port>\d+)/)?(?P<word>[a-z]+)(?P<index>\d*)")
_LISTS = {
    "AI_PHYSICAL_CHANS": ("ai",),
    "AO_PHYSICAL_CHANS": ("ao",),
    "CI_PHYSICAL_CHANS": ("ctr",),
    "CO_PHYSICAL_CHANS": ("ctr", "freqout"),
    "DI_LINES": ("line",),
    "DI_PORTS": ("port",),
    "DO_LINES": ("line",),
    "DO_PORTS": ("port",),
}
"""The properties of a device with the names of its physical channels."""

_SAVED = {
    "PersistedChannel": (ERRORS.INVALID_GLOBAL_CHAN, "channel"),
    "PersistedScale": (ERRORS.CUSTOM_SCALE_DOES_NOT_EXIST, "scale_name"),
    "PersistedTask": (ERRORS.TASK_NOT_IN_DATA_NEIGHBORHOOD, "task_name"),
}
"""The errors for what a client could have saved in NI MAX, with the field of its name: nothing is
saved there."""

_MOST_DEVICES = 256
"""How many devices there are, at most: those that the names of clients make stay in memory."""


class PhysicalChannel:
    """An input, an output, a line, a port or a counter of a device.

    Args:
        device: The device.
        word: `ai`, `ao`, `line`, `port`, `ctr` or `freqout`.
        name: Its full name, such as `Dev1/port0/line3`.
        attributes: Its properties.
    """

    def __init__(self, device: Device, word: str, name: str, attributes: Attributes) -> None:
        self.device = device
        self.word = word
        self.name = name
        self.kinds = _KINDS[word]
        """The kinds of tasks that may have it: AI, AO, DI, DO, CI or CO."""
        self.attributes = attributes
        found = _CHANNEL.fullmatch(self.local)
        self.index = int(found["index"] or 0) if found else 0
        """Its number: of the channel, of the line in its port, or of the port."""
        self.port = int(found["port"] or self.index) if found else 0
        """For lines and ports: the number of the port."""
        self.lines: tuple[PhysicalChannel, ...] = (self,)
        """The lines of a port; for a line it is itself."""

    @property
    def local(self) -> str:
        """The name without that of the device."""
        return self.name.partition("/")[2]

    @property
    def is_port(self) -> bool:
        """Whether it is a digital port."""
        return self.word == "port"

    def __repr__(self) -> str:
        return f"PhysicalChannel({self.name!r})"


class Device:
    """A device: a board, a chassis or a module.

    Args:
        name: Its name in the system.
        number: The number of its model.
        row: The model, from models.toml.
        table: The properties of NI-DAQmx.
        names: The names of the model's channels.
    """

    def __init__(
        self,
        name: str,
        number: str,
        row: Mapping[str, Any],
        table: AttributeTable,
        names: Sequence[str],
    ) -> None:
        self.name = name
        self.number = number
        self.model = str(row["device"]["PRODUCT_TYPE"])
        """The product, such as `PCIe-6363`."""
        self.slots: int = row.get("slots", 0)
        """The number of slots of a chassis; 0 for all others."""
        self.accuracies = sorted(row.get("accuracy", ()), key=lambda each: float(each["range"]))
        """The accuracy of analog inputs in each range, as in models.toml, the smallest first."""
        self.terminals = [f"/{name}/{each}" for each in expand_names(row["terminals"])]
        self.groups = {
            "Device": _attributes(table, "Device", row["device"]),
            "CalibrationInfo": _attributes(table, "CalibrationInfo", row.get("calibration", {})),
        }
        """Its properties, by their group."""
        self._channels: dict[str, PhysicalChannel] = {}
        for local in names:
            self._add(local, row, table)
        self._add_ports(row, table)
        properties = self.groups["Device"]
        properties.update({"IS_SIMULATED": True, "SERIAL_NUM": 0, "CARRIER_SERIAL_NUM": 0})
        properties["TERMINALS"] = ", ".join(self.terminals)
        for key, words in _LISTS.items():
            properties[key] = ", ".join(each.name for each in self.channels(*words))

    def channels(self, *words: str) -> list[PhysicalChannel]:
        """Return the physical channels with some words in their names, such as `ai`."""
        return [each for each in self._channels.values() if each.word in words]

    def find(self, local: str) -> PhysicalChannel | None:
        """Return the physical channel with a name without the device, None if there is none."""
        return self._channels.get(local.lower())

    def _add(self, local: str, row: Mapping[str, Any], table: AttributeTable) -> PhysicalChannel:
        found = _CHANNEL.fullmatch(local)
        if not found:
            raise ValueError(f"models.toml has an unknown kind of channel: {local}")
        tables = [*_KINDS[found["word"]], f"port{found['port'] or found['index']}"]
        facts = {key: value for name in tables for key, value in row.get(name, {}).items()}
        attributes = _attributes(table, "PhysicalChannel", facts)
        channel = PhysicalChannel(self, found["word"], f"{self.name}/{local}", attributes)
        self._channels[local.lower()] = channel
        return channel

    def _add_ports(self, row: Mapping[str, Any], table: AttributeTable) -> None:
        """Add a port for the lines of each, and the width of the port to all of them."""
        lines: dict[int, list[PhysicalChannel]] = {}
        for line in self.channels("line"):
            lines.setdefault(line.port, []).append(line)
        for number, members in lines.items():
            port = self._add(f"port{number}", row, table)
            port.lines = tuple(members)
            for each in (port, *members):
                for kind in each.kinds:
                    each.attributes[f"PHYSICAL_CHAN_{kind}_PORT_WIDTH"] = len(each.lines)


class System:
    """All devices.

    Args:
        table: The properties of NI-DAQmx.
        bench: The bench. The devices in its file with models of NI-DAQmx belong to the system.
    """

    def __init__(self, table: AttributeTable, bench: Bench) -> None:
        self._book = ModelBook(read_data(Path(__file__).with_name("models.toml")))
        self._table = table
        self._devices: dict[str, Device] = {}
        self.added: Callable[[Device], None] = lambda device: None
        """Called with a device that a client's name makes."""
        for row in self._book.content["devices"]:
            self._add(row["name"], row["model"])
        for name, number in bench.models.items():
            if found := self._book.find(number):
                self._add(bench.names[name], found)
        self.attributes = table.attributes("System")
        """Its properties."""
        for word, version in zip(("MAJOR", "MINOR", "UPDATE"), VERSION, strict=True):
            self.attributes[f"NIDAQ_{word}_VERSION"] = version
        self.attributes.update({"GLOBAL_CHANS": "", "SCALES": "", "TASKS": ""})
        self.attributes.computed["DEV_NAMES"] = lambda: ", ".join(each.name for each in self)

    def __iter__(self) -> Iterator[Device]:
        return iter(self._devices.values())

    def find(self, name: str) -> Device | None:
        """Return the device with a name, None if there is none."""
        return self._devices.get(name.strip().lower())

    def require(self, name: str) -> Device:
        """Return the device with a name.

        Raises:
            DriverError: There is none.
        """
        device = self.find(name)
        if device is None:
            known = ", ".join(each.name for each in self)
            raise DriverError(
                ERRORS.INVALID_DEVICE_ID, f"Device Specified: {name}\nDevices: {known}"
            )
        return device

    def facts(self, name: str) -> DeviceFacts:
        """Return what the overview says about a device.

        Raises:
            DriverError: There is none with this name.
        """
        device = self.require(name)
        vendor = "National Instruments"
        return DeviceFacts(device.name, self._book.full_name(device.number), vendor, "0")

    def physical(self, name: str) -> PhysicalChannel:
        """Return the physical channel with a full name.

        Raises:
            DriverError: There is no such device, or no such channel on it.
        """
        device = self.require(device_of(name))
        channel = device.find(name.strip().strip("/").partition("/")[2])
        if channel is None:
            raise DriverError(
                ERRORS.PHYSICAL_CHAN_DOES_NOT_EXIST,
                f"Physical Channel Name: {name}\nDevice Specified: {device.name} ({device.model})",
            )
        return channel

    def expand(self, text: str, kind: str) -> list[PhysicalChannel]:
        """Return the physical channels of a list for channels of a task, in its order.

        A device that does not exist yet becomes one of the default model, up to 256 devices. So a
        pin map may name devices as it likes.

        Args:
            text: The list, such as `Dev1/ai0:3, Dev1/ai7`.
            kind: AI, AO, DI, DO, CI or CO.

        Raises:
            DriverError: It is empty, or a channel does not exist or is of another kind.
        """
        names = expand(text)
        if not names:
            raise DriverError(ERRORS.PHYSICAL_CHANNEL_NOT_SPECIFIED)
        found = []
        for name in names:
            device = device_of(name)
            is_new = device and "/" in name and self.find(device) is None
            if is_new and len(self._devices) < _MOST_DEVICES:
                self.added(self._add(device, self._book.default))
            channel = self.physical(name)
            if kind not in channel.kinds:
                raise DriverError(
                    ERRORS.PHYSICAL_CHAN_DOES_NOT_EXIST,
                    f"Physical Channel Name: {name}\nIt is not a channel for {kind} tasks.",
                )
            found.append(channel)
        return found

    def owners(self, group: str, request: Any) -> list[Attributes]:
        """Return the owners of the properties that a call without a task names.

        Raises:
            DriverError: There is no such device or channel.
        """
        if group == "System":
            return [self.attributes]
        if group == "PhysicalChannel":
            return [self.physical(n).attributes for n in expand(request.physical_channel)]
        if group in ("Device", "CalibrationInfo"):
            return [self.require(request.device_name).groups[group]]
        missing, field = _SAVED.get(group, (ERRORS.ATTR_NOT_SUPPORTED, ""))
        name = getattr(request, field) if field else group
        raise DriverError(missing, f"Name: {name}")

    def _add(self, name: str, number: str) -> Device:
        names = self._book.channel_names(number)
        device = Device(name, number, self._book.rows[number], self._table, names)
        self._devices[name.lower()] = device
        properties = device.groups["Device"]
        if device.slots:
            properties.computed["CHASSIS_MODULE_DEV_NAMES"] = lambda: ", ".join(
                each.name for each in self if self.chassis_of(each) is device
            )
        if chassis := self.chassis_of(device):
            properties["COMPACT_DAQ_CHASSIS_DEV_NAME"] = chassis.name
            properties["COMPACT_DAQ_SLOT_NUM"] = int(name[len(chassis.name) + len("Mod") :])
        return device

    def chassis_of(self, device: Device) -> Device | None:
        """Return the chassis of a module, None for other devices."""
        found = re.fullmatch(r"(.+)mod(\d+)", device.name.lower())
        chassis = self.find(found[1]) if found else None
        return chassis if found and chassis and 1 <= int(found[2]) <= chassis.slots else None


def _attributes(table: AttributeTable, group: str, facts: Mapping[str, Any]) -> Attributes:
    attributes = table.attributes(group)
    attributes.missing = ERRORS.ATTR_NOT_SUPPORTED
    attributes.defaults |= {
        name: table.named(group, name).parse(value) for name, value in facts.items()
    }
    return attributes
