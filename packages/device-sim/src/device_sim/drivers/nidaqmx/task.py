"""A task: its channels, and its states from unverified to running."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any

from nidaqmx.constants import TaskMode

from device_sim.base.overview import ChannelState, DeviceFacts, Quantity
from device_sim.base.waiting import Waiting
from device_sim.call import Call
from device_sim.drivers.nidaqmx import wiring
from device_sim.drivers.nidaqmx.acquisition import Acquisition
from device_sim.drivers.nidaqmx.attributes import Attributes
from device_sim.drivers.nidaqmx.channel import Channel
from device_sim.drivers.nidaqmx.counter_input import CounterInput
from device_sim.drivers.nidaqmx.counter_lines import is_on_bench
from device_sim.drivers.nidaqmx.counter_output import CounterOutput
from device_sim.drivers.nidaqmx.errors import ERRORS
from device_sim.drivers.nidaqmx.events import Events
from device_sim.drivers.nidaqmx.generation import Generation, Stream
from device_sim.drivers.nidaqmx.hardware import Hardware
from device_sim.drivers.nidaqmx.names import expand
from device_sim.drivers.nidaqmx.properties import groups_of
from device_sim.drivers.nidaqmx.run import Run
from device_sim.drivers.nidaqmx.system import Device
from device_sim.drivers.nidaqmx.timing import Mode, Plan, plan_of
from device_sim.drivers.nidaqmx.triggers import listen
from device_sim.drivers.nidaqmx.unsimulated import check_settings
from device_sim.errors import DeviceSimError, DriverError

_OUTPUTS = ("AO", "DO", "CO")
_RUNS: Mapping[str, type[Run]] = {
    "AI": Acquisition,
    "AO": Generation,
    "CI": CounterInput,
    "CO": CounterOutput,
    "DI": Acquisition,
    "DO": Generation,
}


class State(IntEnum):
    """The states of NI-DAQmx's task state model."""

    UNVERIFIED = 0
    VERIFIED = 1
    RESERVED = 2
    COMMITTED = 3
    RUNNING = 4


class Task:
    """One task, shared by all clients that know its name.

    Calls run one at a time, under the lock of the server's timeline. A waiting call lets others
    run.

    Args:
        name: The client's name for it; empty for one that the driver makes.
        hardware: The devices of the server.
    """

    def __init__(self, name: str, hardware: Hardware) -> None:
        self.name = name or hardware.unnamed()
        self.hardware = hardware
        self.channels: list[Channel] = []
        self.groups = groups_of(self)
        """The task's own properties, by group."""
        self.state = State.UNVERIFIED
        self.run: Run | None = None
        """What it takes or puts out since its last start."""
        self.lock = hardware.condition()
        self.waiting = Waiting(hardware.clock, hardware.timeline, self.lock, self._catch_up)
        self.events = Events(self.lock)
        self.taken = 0
        """The number of samples that it took on demand."""
        self.given = 0
        """The number of samples that clients wrote on demand."""
        self.stream = Stream(0, 1, float)
        """The samples that clients wrote for the next runs."""
        self.position = 0
        """The number of the next sample that a client writes."""
        self.is_closed = False
        self._before = State.UNVERIFIED

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
    def system_devices(self) -> list[Device]:
        """Its devices, in order."""
        return [self.hardware.system.require(name) for name in self.devices]

    @property
    def instruments(self) -> list[DeviceFacts]:
        """Its devices."""
        return [self.hardware.system.facts(name) for name in self.devices]

    def overview(self) -> Iterator[tuple[str, ChannelState]]:
        """Yield the name and the state of each physical channel."""
        is_on = self.state is State.RUNNING if self.is_output else None
        for channel in self.channels:
            limits = zip(("smallest value", "largest value"), channel.limits, strict=False)
            setpoints = tuple(Quantity(name, value) for name, value in limits)
            for physical in channel.physical:
                yield physical.name, ChannelState(is_on, setpoints)

    def catch_up(self) -> None:
        """Bring the run to the present, for a client that asks."""
        self._catch_up(self.hardware.now)

    def _catch_up(self, now: float) -> None:
        if self.run is not None and self.state is State.RUNNING:
            self.run.catch_up(now)

    # Channels and properties.

    @property
    def kind(self) -> str:
        """The kind of its channels; empty without any."""
        return self.channels[0].kind if self.channels else ""

    @property
    def is_output(self) -> bool:
        """Whether its channels are outputs."""
        return self.kind in _OUTPUTS

    def add(self, channel: Channel) -> None:
        """Add a virtual channel.

        Raises:
            DriverError: The task runs, or has channels of another kind, or one of this name.
        """
        self.require_stopped()
        if self.channels and channel.kind != self.kind:
            raise DriverError(
                ERRORS.MULTI_CHAN_TYPES_IN_TASK, f"Task: {self.name}\nChannel: {channel.name}"
            )
        if channel.name.lower() in {each.name.lower() for each in self.channels}:
            raise DriverError(ERRORS.CHAN_ALREADY_IN_TASK, f"Channel: {channel.name}")
        self.unreserve()
        self.state = State.UNVERIFIED
        self.channels.append(channel)
        if len(self.channels) == 1:
            self.groups = groups_of(self)

    @property
    def is_wired(self) -> bool:
        """Whether the bench wires one of its physical channels."""
        bench = self.hardware.bench
        if self.kind in ("CI", "CO"):
            return any(is_on_bench(self.hardware, device) for device in self.devices)
        return any(
            bench.is_wired(line.name)
            for channel in self.channels
            for physical in channel.physical
            for line in physical.lines
        )

    def select(self, names: str) -> list[Channel]:
        """Return the channels that a client names, all if it names none.

        Raises:
            DriverError: One does not exist.
        """
        if not names.strip():
            return self.channels
        known = {channel.name.lower(): channel for channel in self.channels}
        if names.strip().lower() in known:  # A name may have a colon.
            return [known[names.strip().lower()]]
        for name in (wanted := expand(names)):
            if name.lower() not in known:
                raise DriverError(ERRORS.INVALID_CHANNEL, f"Channel: {name}\nTask: {self.name}")
        return [known[name.lower()] for name in wanted]

    def owners(self, group: str, request: Any) -> list[Attributes]:
        """Return the owners of the properties that a call on the task names."""
        if group == "Channel":
            return [each.attributes for each in self.select(request.channel)]
        if group not in self.groups:
            raise DriverError(ERRORS.ATTR_NOT_SUPPORTED, f"Properties of a {group}")
        return [self.groups[group]] if self.channels or group == "Task" else []

    # States.

    def control(self, action: int) -> None:
        """Carry out a client's TaskControl.

        Raises:
            DriverError: The task is not ready for this, or there is no such action.
        """
        steps = {
            TaskMode.TASK_START.value: self.start,
            TaskMode.TASK_STOP.value: self.stop,
            TaskMode.TASK_VERIFY.value: self.verify,
            TaskMode.TASK_RESERVE.value: self.reserve,
            TaskMode.TASK_COMMIT.value: self.commit,
            TaskMode.TASK_UNRESERVE.value: self.unreserve,
            TaskMode.TASK_ABORT.value: self.abort,
        }
        if action not in steps:
            raise DriverError(ERRORS.INVALID_ATTRIBUTE_VALUE, f"Action: {action}")
        steps[action]()

    def verify(self) -> None:
        """Check the properties.

        Raises:
            DriverError: They contradict each other, or there are no channels.
        """
        if not self.channels:
            raise DriverError(ERRORS.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK, f"Task: {self.name}")
        self.plan()
        check_settings(self)
        self.state = max(self.state, State.VERIFIED)

    def plan(self) -> Plan:
        """Return the timing."""
        return plan_of(self)

    def reserve(self) -> None:
        """Verify, and reserve the hardware.

        Raises:
            DriverError: Another task has reserved it.
        """
        self.verify()
        self.hardware.reserve(self, self._resources())
        self.state = max(self.state, State.RESERVED)

    def _resources(self) -> Iterator[str]:
        is_timed = self.plan().mode is not Mode.ON_DEMAND
        for channel in self.channels:
            for physical in channel.physical:
                if self.kind == "AI" or (is_timed and self.kind in ("AO", "DI", "DO")):
                    yield f"{physical.device.name}/{self.kind.lower()}"
                if self.kind != "AI" and self.kind != "DI":
                    yield from (each.name for each in physical.lines)

    def commit(self) -> None:
        """Reserve, and program the hardware."""
        self.reserve()
        self.state = max(self.state, State.COMMITTED)

    def start(self) -> None:
        """Commit, and start.

        Raises:
            DriverError: The task runs already.
        """
        self.require_stopped()
        before = self.state
        self.commit()
        self._before = max(before, State.VERIFIED)
        self.stream.rewind()
        self.position = self.stream.written
        if self.kind == "DI":
            wiring.release(self)
        try:
            self.run = self._make_run()
        except DeviceSimError:
            self._fall_back()
            raise
        self.state = State.RUNNING
        self.events.started()
        self.hardware.timeline.add(self.run)
        listen(self, self.run)

    def _make_run(self) -> Run:
        return _RUNS[self.kind](self, self.plan(), self.hardware.now)

    def stop(self) -> None:
        """Stop, and go back to the state before the start."""
        if self.state is State.RUNNING:
            self._end_run()
            self._fall_back()

    def _fall_back(self) -> None:
        """Go back to the state before the start."""
        self.state = self._before
        if self.state < State.RESERVED:
            self.hardware.release(self)

    def abort(self) -> None:
        """Stop, and go back to the verified state."""
        self._end_run()
        self.hardware.release(self)
        self.state = min(self.state, State.VERIFIED)

    def unreserve(self) -> None:
        """Release the hardware.

        Raises:
            DriverError: The task runs.
        """
        self.require_stopped()
        self.hardware.release(self)
        self.state = min(self.state, State.VERIFIED)

    def _end_run(self) -> None:
        if self.run is not None:
            self.catch_up()
            self.run.end()
            self.hardware.timeline.discard(self.run)
        self.lock.notify_all()

    def close(self) -> None:
        """Stop and release all. Its streams of events end."""
        with self.hardware.present():
            self.is_closed = True
            self.abort()
            self.events.close()

    def require_stopped(self) -> None:
        """Raise DriverError if the task runs."""
        if self.state is State.RUNNING:
            raise DriverError(ERRORS.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING, f"Task: {self.name}")

    @property
    def is_done(self) -> bool:
        """Whether nothing is taken or put out any more.

        Raises:
            DriverError: An error ended the run.
        """
        if self.state is not State.RUNNING or self.run is None:
            return True
        self.run.check()
        return self.run.is_done

    def hold(self, values: Iterable[Any], at: float) -> None:
        """Hold the outputs at values from a time on, one for each channel or line."""
        names = [line.name for channel in self.channels for line in channel.lines]
        held = dict(zip(names, values, strict=True))
        if self.kind == "DO":
            self.hardware.lines.update({name: bool(value) for name, value in held.items()})
        else:
            self.hardware.levels.update({name: float(value) for name, value in held.items()})
        wiring.hold(self, held, at)

    def wait_until_done(self, seconds: float, call: Call) -> None:
        """Wait for the end of the run.

        Args:
            seconds: The longest time to wait; -1 for no end.
            call: The waiting call.

        Raises:
            DriverError: It did not end in time, or an error ended it.
        """

        def poll(now: float) -> float | None:
            return None if self.is_done or self.run is None else self.run.due_at_end()

        def listens() -> bool:
            return self.run is not None and self.run.listens

        deadline = self.hardware.now + seconds if seconds >= 0.0 else float("inf")
        if not self.waiting.wait(call, poll, deadline, listens=listens):
            raise DriverError(ERRORS.WAIT_UNTIL_DONE_DOES_NOT_INDICATE_DONE, f"Task: {self.name}")
