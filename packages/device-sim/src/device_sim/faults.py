"""Inject faults, so that a test can check the error paths of its code."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from device_sim.call import Call, check_active, wake_on_end
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
    seen: int = field(default=0)

    def describe(self) -> FaultInfo:
        arguments: dict[str, float | str] = {
            "rpc": self.rpc,
            "nth": self.nth - self.seen,
            "code": self.error.code,
            "text": self.error.text,
        }
        return FaultInfo("fail_call", self.device.lower(), arguments=arguments)

    def matches(self, devices: set[str], rpc: str) -> bool:
        return self.device.lower() in devices and self.rpc.lower() in ("", rpc.lower())


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


class Faults:
    """The faults of all devices of a server.

    Devices are named as in resource names (`DMM1`), without regard to case. A fault with `after`
    and `lasting` begins so many seconds from now, and lasts so many seconds.

    Args:
        now: Return the time of the bench's clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._failing: list[_FailingCall] = []
        self._silent: set[str] = set()
        self._disturbances: list[Disturbance] = []

    def fail_call(
        self, device: str, *, rpc: str = "", nth: int = 1, code: int, text: str = ""
    ) -> None:
        """Make the device's driver report an error one time.

        Args:
            device: The instrument.
            rpc: The call to fail, by its name on the wire (`MeasureMultiple`). Empty means any.
            nth: The number of the call to fail, counted from now. The next one is 1.
            code: The driver's error code, negative.
            text: The driver's description.

        Raises:
            ValueError: `code` is not negative, or `nth` is below 1.
        """
        if code >= 0:
            raise ValueError(f"A driver's error code is negative, but {code} is not.")
        if nth < 1:
            raise ValueError(f"Calls are counted from 1, not from {nth}.")
        error = ErrorCode(code, text or "A test injected this error.")
        with self._changed:
            self._failing.append(_FailingCall(device, rpc, nth, error))

    def stop_answering(self, device: str) -> None:
        """Leave all calls to the device without an answer, until `clear` or until they end."""
        with self._changed:
            self._silent.add(device.lower())

    def over_range(self, device: str, *, after: float = 0.0, lasting: float = math.inf) -> None:
        """Make all readings of the device overload its range."""
        self._disturb("over_range", device, after, lasting)

    def clip_input(
        self, device: str, share: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let the inputs of a digitizer clip at a share of their range, from 0 to 1."""
        _check_share(share)
        self._disturb("clip_input", device, after, lasting, share)

    def add_noise(
        self, device: str, volts: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Add noise with a standard deviation in volts to the samples of a digitizer."""
        if not 0.0 <= volts < math.inf:
            raise ValueError(f"The noise must be at least 0 V, not {volts}.")
        self._disturb("add_noise", device, after, lasting, volts)

    def drop_samples(
        self, device: str, share: float, *, after: float = 0.0, lasting: float = math.inf
    ) -> None:
        """Let a digitizer lose a share of its samples, from 0 to 1; each repeats the one before."""
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
        if not (0.0 <= after < math.inf and lasting > 0.0):
            raise ValueError(
                f"A fault begins after at least 0 seconds and lasts longer than 0, but after is "
                f"{after} and lasting is {lasting}."
            )
        begin = self._now() + after
        where = (kind, device.lower(), begin, begin + lasting)
        with self._changed:
            self._disturbances.append(Disturbance(*where, float(amount), relay.lower()))

    @property
    def all(self) -> list[FaultInfo]:
        """The faults that are there or will come."""
        now = self._now()
        with self._changed:
            failing = [fault.describe() for fault in self._failing]
            silent = [FaultInfo("stop_answering", device) for device in sorted(self._silent)]
            lasting = [each.describe(now) for each in self._disturbances if now < each.end]
            return [*failing, *silent, *lasting]

    def clear(self, device: str | None = None) -> None:
        """End the faults of one device, or of all. Hanging calls continue."""
        with self._changed:
            keep = device.lower() if device is not None else None
            self._failing = [f for f in self._failing if keep not in (None, f.device.lower())]
            self._silent = set() if keep is None else self._silent - {keep}
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
        return bool(self.disturbances("over_range", device, self._now()))

    def before_call(self, devices: Iterable[str], rpc: str, call: Call) -> None:
        """Apply the faults of `devices` to a call.

        Raises:
            DriverError: A fault makes this call fail.
            CallCancelledError: The caller stopped waiting for a device that does not answer.
        """
        if not self._failing and not self._silent:
            return
        names = {device.lower() for device in devices}
        with self._changed:
            self._hang_while_silent(names, call)
            for fault in [f for f in self._failing if f.matches(names, rpc)]:
                fault.seen += 1
                if fault.seen == fault.nth:
                    self._failing.remove(fault)
                    raise DriverError(fault.error)

    def _hang_while_silent(self, names: set[str], call: Call) -> None:
        if names & self._silent:
            wake_on_end(call, self._changed)
        while names & self._silent:
            check_active(call)
            self._changed.wait()


def _check_share(share: float) -> None:
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"The share must be from 0 to 1, not {share}.")
