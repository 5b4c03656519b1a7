"""A custom instrument as a resource: its registers, its GPIO lines, and how clients open it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from session_sharing.server import (
    Candidate,
    InvalidArgumentError,
    Resource,
    SessionExpiredError,
)

from device_comm.names import (
    LARGEST_REGISTER_VALUE,
    LINES_OF_A_PORT,
    PORTS,
    WHOLE_PORT,
    Protocol,
)
from device_comm.server.lines import Lines
from device_comm.server.register_map import MapRoots, RegisterMap

PARAMETERS = ("protocol", "register_map_path")
"""Parameters with which a client may open a device."""


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """What the request that opens a device says about it."""

    protocol: Protocol = Protocol.UNKNOWN_PROTOCOL
    register_map: RegisterMap | None = None
    """None for a device without registers."""


class DeviceKind:
    """Opens devices. The name of the resource is the device's identity."""

    def __init__(
        self,
        roots: MapRoots,
        make_lines: Callable[[str], Lines],
        settings: DeviceSettings | None = None,
    ) -> None:
        """Open devices with the same settings.

        Args:
            roots: Folders with register maps.
            make_lines: Returns the lines of the device with this name.
            settings: By default, the device has no registers.
        """
        self._roots = roots
        self._make_lines = make_lines
        self._settings = settings or DeviceSettings()

    def with_parameters(self, parameters: Mapping[str, str]) -> DeviceKind:
        """Return a kind that opens devices with these parameters.

        The register map is read, and must be right, also when the session is open already.

        Raises:
            InvalidArgumentError: A parameter is unknown or wrong.
            SessionSharingError: The register map cannot be read.
        """
        unknown = set(parameters) - set(PARAMETERS)
        if unknown:
            raise InvalidArgumentError(
                f"A device has no parameters {', '.join(sorted(unknown))}. Its parameters are: "
                f"{', '.join(PARAMETERS)}."
            )
        protocol = _protocol(parameters["protocol"]) if "protocol" in parameters else None
        path = parameters.get("register_map_path")
        settings = DeviceSettings(
            protocol or self._settings.protocol,
            None if path is None else self._roots.read(path),
        )
        return DeviceKind(self._roots, self._make_lines, settings)

    def locate(self, name: str, *, create: bool) -> Candidate:
        """Return the device of this name."""
        return Candidate(key=name, open=lambda: self._open(name))

    def _open(self, name: str) -> Device:
        return Device(name, self._settings, self._make_lines(name), self._roots)


class Device(Resource):
    """One open device. Its methods are called in any thread, and act one after the other."""

    def __init__(self, name: str, settings: DeviceSettings, lines: Lines, roots: MapRoots) -> None:
        """Load the registers.

        Args:
            name: Name of the device.
            settings: What the request said.
            lines: The GPIO lines, which this object releases.
            roots: Folders with register maps.
        """
        super().__init__(name)
        self._settings = settings
        self._lines = lines
        self._roots = roots
        self._lock = threading.Lock()
        self._open = True
        found = settings.register_map
        self._registers = dict(found.values) if found else {}

    def read_register(self, name: str) -> int:
        """Return the value of a register.

        Raises:
            InvalidArgumentError: The register map has no such register.
        """
        with self._using():
            self._check_register(name)
            return self._registers[name]

    def write_register(self, name: str, value: int) -> None:
        """Set a register.

        Raises:
            InvalidArgumentError: The register map has no such register, or the value has more than
                32 bits.
        """
        with self._using():
            self._check_register(name)
            if not 0 <= value <= LARGEST_REGISTER_VALUE:
                raise InvalidArgumentError(
                    f"The value {value} does not fit into a register of 32 bits."
                )
            self._registers[name] = value

    def reload(self) -> None:
        """Read the register map of this session again, and set all registers to its values.

        Raises:
            InvalidArgumentError: The session has no register map.
            SessionSharingError: The file cannot be read; the registers keep their values.
        """
        found = self._settings.register_map
        if found is None:
            raise InvalidArgumentError(
                f"{self.name!r} was opened without a register map, so there is nothing to reload. "
                "Name a register map when you create the session."
            )
        again = self._roots.read(str(found.path))
        with self._using():
            self._registers = dict(again.values)

    def read_channel(self, port: int, channel: int) -> bool:
        """Return whether a line is high.

        Raises:
            InvalidArgumentError: There is no such line.
        """
        _check_channel(port, channel)
        return bool(self.read_port(port, 1 << channel))

    def write_channel(self, port: int, channel: int, state: bool) -> None:
        """Drive a line high or low.

        Raises:
            InvalidArgumentError: There is no such line.
        """
        _check_channel(port, channel)
        self.write_port(port, 1 << channel, WHOLE_PORT if state else 0)

    def read_port(self, port: int, mask: int) -> int:
        """Return the levels of the lines in the mask; the other bits are 0.

        Raises:
            InvalidArgumentError: There is no such port, or the mask has more than 8 bits.
        """
        _check_port(port, mask=mask)
        with self._using():
            return self._lines.read(port) & mask

    def write_port(self, port: int, mask: int, state: int) -> None:
        """Drive the lines in the mask; the other lines stay as they are.

        Raises:
            InvalidArgumentError: There is no such port, or mask or state has more than 8 bits.
        """
        _check_port(port, mask=mask, state=state)
        with self._using():
            self._lines.write(port, mask, state)

    def close(self) -> None:
        """Release the lines; calls that come later are refused."""
        with self._lock:
            self._open = False
            self._lines.release()

    def describe(self) -> Mapping[str, str]:
        """Return the settings of the session."""
        found = self._settings.register_map
        return {
            "protocol": self._settings.protocol.name,
            "register_map": str(found.path) if found else "",
            "registers": str(len(self._registers)),
        }

    @contextmanager
    def _using(self) -> Iterator[None]:
        """Let one call at a time use the device, and none after its end."""
        with self._lock:
            if not self._open:
                raise SessionExpiredError(
                    f"The session of {self.name!r} has ended. Open a session again."
                )
            yield

    def _check_register(self, name: str) -> None:
        if name not in self._registers:
            source = self._settings.register_map
            where = f"{source.path} has" if source else "The session has no register map, so it has"
            raise InvalidArgumentError(
                f"{where} no register {name!r}. Name a register of the register map with which "
                "the session was opened."
            )


def _protocol(name: str) -> Protocol:
    known = [one.name for one in Protocol if one is not Protocol.UNKNOWN_PROTOCOL]
    if name not in known:
        raise InvalidArgumentError(
            f"The protocol {name!r} is unknown. Use one of {', '.join(known)}."
        )
    return Protocol[name]


def _check_channel(port: int, channel: int) -> None:
    _check_port(port)
    if not 0 <= channel < LINES_OF_A_PORT:
        raise InvalidArgumentError(
            f"There is no GPIO channel {channel}. A port has the channels 0 to "
            f"{LINES_OF_A_PORT - 1}."
        )


def _check_port(port: int, **bits: int) -> None:
    if not 0 <= port < PORTS:
        raise InvalidArgumentError(
            f"There is no GPIO port {port}. A device has the ports 0 to {PORTS - 1}."
        )
    for what, value in bits.items():
        if not 0 <= value <= WHOLE_PORT:
            raise InvalidArgumentError(
                f"The {what} {value} does not fit a GPIO port of {LINES_OF_A_PORT} lines. Use at "
                f"most {WHOLE_PORT}."
            )
