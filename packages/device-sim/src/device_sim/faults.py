"""Inject faults, so that a test can check the error paths of its code."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from device_sim.call import Call, check_active, wake_on_end
from device_sim.clock import Clock
from device_sim.errors import DriverError, ErrorCode


@dataclass(frozen=True, slots=True)
class FaultInfo:
    """A fault that is there or will come."""

    kind: str
    """The method of Faults that adds such a fault, such as `add_noise`."""

    device: str
    """The instrument, in lower case."""

    after: float = 0.0
    """Seconds from now to its begin; 0 if it is there."""

    lasting: float = math.inf
    """Seconds that it lasts from its begin, or from now if it is there."""

    arguments: Mapping[str, float | str] = field(default_factory=dict)
    """The other arguments of the method, by name."""


@dataclass(slots=True)
class _FailingCall:
    device: str
    rpc: str
    nth: int
    error: ErrorCode
    begin: float
    end: float
    seen: int = field(default=0)

    def describe(self, now: float) -> FaultInfo:
        arguments: dict[str, float | str] = {
            "rpc": self.rpc,
            "nth": self.nth - self.seen,
            "code": self.error.code,
            "text": self.error.text,
        }
        begin = max(self.begin, now)
        return FaultInfo("fail_call", self.device.lower(), begin - now, self.end - begin, arguments)

    def matches(self, devices: set[str], rpc: str, now: float) -> bool:
        is_this = self.device.lower() in devices and self.rpc.lower() in ("", rpc.lower())
        return is_this and self.begin <= now < self.end


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A fault of a device for a time."""

    kind: str
    """The method of Faults that added it, such as `add_noise`."""

    device: str
    """The device, in lower case."""

    begin: float
    """Its begin, on the bench's clock."""

    end: float
    """Its end; infinity if it lasts until `clear`."""

    amount: float = 0.0
    """How strong it is; the methods say what."""

    relay: str = ""
    """The relay, in lower case."""

    def describe(self, now: float) -> FaultInfo:
        """Return the fault as seen from a time before its end."""
        values: dict[str, float | str] = {"amount": self.amount, "relay": self.relay}
        arguments = {name: values[value] for name, value in _ARGUMENTS.get(self.kind, {}).items()}
        begin = max(self.begin, now)
        return FaultInfo(self.kind, self.device, begin - now, self.end - begin, arguments)


_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "clip_input": {"share": "amount"},
    "add_noise": {"volts": "amount"},
    "drop_samples": {"share": "amount"},
    "stick_relay": {"relay": "relay"},
    "bounce_relay": {"relay": "relay", "seconds": "amount"},
}
"""The arguments of each kind of disturbance, with the field that has the value."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A connection that is open, or will be."""

    channel: str
    """The channel, such as `SMU1/0`."""

    after: float = 0.0
    """Seconds from now to its begin; 0 if it is open."""

    lasting: float = math.inf
    """Seconds that it is open from its begin, or from now if it is open."""


@dataclass(frozen=True, slots=True)
class Drifting:
    """A part that drifts, or will."""

    part: str
    """The part."""

    rate: float
    """Relative change of its main value per second."""

    after: float = 0.0
    """Seconds from now to its begin; 0 if it drifts."""

    lasting: float = math.inf
    """Seconds that it drifts from its begin, or from now if it drifts."""


def window(now: float, after: float, lasting: float) -> tuple[float, float]:
    """Return the begin and the end of a fault.

    Raises:
        ValueError: They are no times.
    """
    if not (0.0 <= after < math.inf and lasting > 0.0):
        raise ValueError(
            f"A fault begins after at least 0 seconds and lasts longer than 0, but after is "
            f"{after} and lasting is {lasting}."
        )
    return now + after, now + after + lasting


class Faults:
    """The faults of all devices of a server.

    Devices are named as in resource names (`DMM1`), without regard to case. A fault with `after`
    and `lasting` begins so many seconds from now, and lasts so many seconds.

    Args:
        clock: The bench's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._failing: list[_FailingCall] = []
        self._disturbances: list[Disturbance] = []

    def fail_call(
        self,
        device: str,
        *,
        rpc: str = "",
        nth: int = 1,
        code: int,
        text: str = "",
        after: float = 0.0,
        lasting: float = math.inf,
    ) -> None:
        """Make the device's driver report an error one time.

        Args:
            device: The instrument.
            rpc: The call to fail, by its name on the wire (`MeasureMultiple`). Empty means any.
            nth: The number of the call to fail, counted from the begin. The next one is 1.
            code: The driver's error code, negative.
            text: The driver's description.
            after: Seconds from now from which on calls count.
            lasting: Seconds after which they do not count any more.

        Raises:
            ValueError: `code` is not negative, `nth` is below 1, or the times are invalid.
        """
        if code >= 0:
            raise ValueError(f"A driver's error code is negative, but {code} is not.")
        if nth < 1:
            raise ValueError(f"Calls are counted from 1, not from {nth}.")
        error = ErrorCode(code, text or "A test injected this error.")
        begin, end = window(self._clock.now(), after, lasting)
        with self._changed:
            self._failing.append(_FailingCall(device, rpc, nth, error, begin, end))

    def stop_answering(self, device: str, *, after: float = 0.0, lasting: float = math.inf) -> None:
        """Leave all calls to the device without an answer, until the fault or the call ends."""
        self._disturb("stop_answering", device, after, lasting)

    def over_range(self, device: str, *, after: float = 0.0, lasting: float = math.inf) -> None:
        """Make all readings of the device overload its range."""
        self._disturb("over_range", device, after, lasting)

    def clip_input(
        self, device: str, share: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let analog inputs of a digitizer or DAQ device clip at a share of their range, 0 to 1."""
        _check_share(share)
        self._disturb("clip_input", device, after, lasting, share)

    def add_noise(
        self, device: str, volts: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Add noise with a standard deviation in volts to the samples of an analog input."""
        if not 0.0 <= volts < math.inf:
            raise ValueError(f"The noise must be at least 0 V, not {volts}.")
        self._disturb("add_noise", device, after, lasting, volts)

    def drop_samples(
        self, device: str, share: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let analog inputs lose a share of their samples, 0 to 1; each repeats the one before."""
        _check_share(share)
        self._disturb("drop_samples", device, after, lasting, share)

    def lose_triggers(self, device: str, *, after: float = 0.0, lasting: float = math.inf) -> None:
        """Let no trigger come to the device: neither from a signal, nor from software."""
        self._disturb("lose_triggers", device, after, lasting)

    def stick_relay(
        self, device: str, relay: str, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let a relay of a switch stay as it is. The driver does not see this."""
        self._disturb("stick_relay", device, after, lasting, relay=relay)

    def bounce_relay(
        self,
        device: str,
        relay: str,
        seconds: float,
        *,
        after: float = 0.0,
        lasting: float = math.inf,
    ) -> None:
        """Let a relay of a switch open and close some times for so many seconds when it moves."""
        if not 0.0 <= seconds < math.inf:
            raise ValueError(f"A relay bounces for at least 0 seconds, not {seconds}.")
        self._disturb("bounce_relay", device, after, lasting, seconds, relay)

    def _disturb(
        self,
        kind: str,
        device: str,
        after: float,
        lasting: float,
        amount: float = 0.0,
        relay: str = "",
    ) -> None:
        where = (kind, device.lower(), *window(self._clock.now(), after, lasting))
        with self._changed:
            self._disturbances.append(Disturbance(*where, float(amount), relay.lower()))

    @property
    def all(self) -> list[FaultInfo]:
        """The faults that are there or will come."""
        now = self._clock.now()
        with self._changed:
            known: list[_FailingCall | Disturbance] = [*self._failing, *self._disturbances]
        return [each.describe(now) for each in known if now < each.end]

    def clear(self, device: str | None = None) -> None:
        """End the faults of one device, or of all. Hanging calls continue."""
        with self._changed:
            keep = device.lower() if device is not None else None
            self._failing = [f for f in self._failing if keep not in (None, f.device.lower())]
            self._disturbances = [d for d in self._disturbances if keep not in (None, d.device)]
            self._changed.notify_all()

    def disturbances(
        self, kind: str, device: str, begin: float, end: float | None = None
    ) -> list[Disturbance]:
        """Return the faults of one kind that a device has at a time, or within a time."""
        if not self._disturbances:
            return []
        last = begin if end is None else end
        return [
            each
            for each in self._disturbances
            if each.kind == kind and each.device == device.lower()
            if each.begin <= last and begin < each.end
        ]

    def is_over_range(self, device: str) -> bool:
        """Return whether readings of the device must overload now."""
        return bool(self.disturbances("over_range", device, self._clock.now()))

    def before_call(self, devices: Iterable[str], rpc: str, call: Call) -> None:
        """Apply the faults of `devices` to a call.

        Raises:
            DriverError: A fault makes this call fail.
            CallCancelledError: The caller stopped waiting for a device that does not answer.
        """
        if not self._failing and not self._disturbances:
            return
        names = {device.lower() for device in devices}
        with self._changed:
            self._hang_while_silent(names, call)
            now = self._clock.now()
            for fault in [f for f in self._failing if f.matches(names, rpc, now)]:
                fault.seen += 1
                if fault.seen == fault.nth:
                    self._failing.remove(fault)
                    raise DriverError(fault.error)

    def _hang_while_silent(self, names: set[str], call: Call) -> None:
        if self._silent_until(names) is not None:
            wake_on_end(call, self._changed)
        while (end := self._silent_until(names)) is not None:
            check_active(call)
            self._clock.wait(self._changed, end - self._clock.now())

    def _silent_until(self, names: set[str]) -> float | None:
        """Return the end of the silence of some devices, None if they answer now."""
        now = self._clock.now()
        silent = (s for name in names for s in self.disturbances("stop_answering", name, now))
        return max((each.end for each in silent), default=None)


def _check_share(share: float) -> None:
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"The share must be from 0 to 1, not {share}.")
