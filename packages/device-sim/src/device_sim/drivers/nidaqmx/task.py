"""A task: its channels, its timing and triggers, and its states."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from device_sim.base.overview import ChannelState, DeviceFacts
from device_sim.base.waiting import Waiting
from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.hardware import Hardware
from device_sim.errors import DriverError

GROUPS = ("Task", "Timing", "Trigger", "Read", "Write", "Buffer", "ExportSignal", "RealTime")
"""The groups of properties that each task has once."""


class State(IntEnum):
    """The states of NI-DAQmx's task state model."""

    UNVERIFIED = 0
    VERIFIED = 1
    RESERVED = 2
    COMMITTED = 3
    RUNNING = 4


class Task:
    """One task, shared by all clients that know its name.

    Calls run one at a time, under the lock of the server's timeline. A waiting call lets others run.

    Args:
        name: The client's name for it; empty for one that the driver makes.
        hardware: The devices of the server.
    """

    def __init__(self, name: str, hardware: Hardware) -> None:
        self.name = name or hardware.unnamed()
        self.hardware = hardware
        self.channels: list[Channel] = []
        self.groups = {group: hardware.table.values(group) for group in GROUPS}
        """The task's own properties, by group."""
        self.state = State.UNVERIFIED
        self.lock = hardware.condition()
        self.waiting = Waiting(hardware.clock, hardware.timeline, self.lock)

    # The overview.

    model_name = "NI-DAQmx task"

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The virtual channels, in order."""
        return tuple(channel.name for channel in self.channels)

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of its devices, in order."""
        return tuple(dict.fromkeys(name for channel in self.channels for name in channel.devices))

    @property
    def instruments(self) -> list[DeviceFacts]:
        """Its devices."""
        return [self.hardware.system.facts(name) for name in self.devices]

    def overview(self) -> Iterator[tuple[str, ChannelState]]:
        """Yield the name and the state of each physical channel."""
        for channel in self.channels:
            for physical in channel.physical:
                yield physical.name, ChannelState()

    # The states.

    @property
    def kind(self) -> str:
        """The kind of its channels; empty without any."""
        return self.channels[0].kind if self.channels else ""

    def add(self, channel: Channel) -> None:
        """Add a virtual channel.

        Raises:
            DriverError: The task runs, or has channels of another kind, or one of this name.
        """
        raise NotImplementedError

    def control(self, action: int) -> None:
        """Carry out a client's TaskControl."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop and release all."""
        with self.hardware.present():
            self.hardware.release(self)
            self.channels.clear()
            self.state = State.UNVERIFIED

    def require_stopped(self) -> None:
        """Raise DriverError if the task runs."""
        if self.state is State.RUNNING:
            raise DriverError(ERRORS.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING)
