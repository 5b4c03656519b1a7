"""Inject faults, so that a test can check the error paths of its code."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from device_sim.call import Call, check_active, wake_on_end
from device_sim.errors import DriverError, ErrorCode


@dataclass(slots=True)
class _FailingCall:
    device: str
    rpc: str
    nth: int
    error: ErrorCode
    seen: int = field(default=0)

    def matches(self, devices: set[str], rpc: str) -> bool:
        return self.device.lower() in devices and self.rpc.lower() in ("", rpc.lower())


class Faults:
    """The faults of all devices of a server.

    Devices are named as in resource names (`DMM1`), without regard to case.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._failing: list[_FailingCall] = []
        self._silent: set[str] = set()
        self._over_range: set[str] = set()

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

    def over_range(self, device: str) -> None:
        """Make all readings of the device overload its range."""
        with self._changed:
            self._over_range.add(device.lower())

    def clear(self, device: str | None = None) -> None:
        """End the faults of one device, or of all. Hanging calls continue."""
        with self._changed:
            keep = device.lower() if device is not None else None
            self._failing = [f for f in self._failing if keep not in (None, f.device.lower())]
            for names in (self._silent, self._over_range):
                if keep is None:
                    names.clear()
                else:
                    names.discard(keep)
            self._changed.notify_all()

    def is_over_range(self, device: str) -> bool:
        """Return whether readings of the device must overload."""
        return device.lower() in self._over_range

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
