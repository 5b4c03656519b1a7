"""Source a DC voltage on SMU channels and measure what they deliver."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import hightime
import nidcpower

_TIMEOUT_CODES = frozenset({-1074116059, -1074097933})
"""Error codes of nidcpower when ``wait_for_event`` times out before the event."""

_WAIT_SLICE = 0.1
"""Seconds of one wait for the source. A cancellation is noticed after each wait."""


@dataclass(frozen=True)
class SourceSettings:
    """The settings of each channel: constant voltage with a current limit."""

    voltage_level: float
    """Volts."""

    voltage_level_range: float
    """Volts. The driver uses the next larger range of the instrument."""

    current_limit: float
    """Amperes."""

    current_limit_range: float
    """Amperes. The driver uses the next larger range of the instrument."""

    source_delay: float
    """Seconds from reaching the voltage level to the measurement."""


@dataclass(frozen=True)
class PinChannel:
    """A pin on a site, and the channel of an open session that drives it."""

    site: int
    """Site number; -1 for a system pin."""

    pin: str
    """Pin name of the pin map."""

    channel: str
    """Channel name in the session."""

    session: nidcpower.Session
    """The session of the instrument."""


@dataclass(frozen=True)
class PinReading:
    """The reading of one pin on one site."""

    site: int
    """Site number; -1 for a system pin."""

    pin: str
    """Pin name of the pin map."""

    voltage: float
    """Volts."""

    current: float
    """Amperes."""

    in_compliance: bool
    """Whether the current limit held the output below the voltage level."""


def source_and_measure(
    pins: Sequence[PinChannel], settings: SourceSettings, check_caller: Callable[[], None]
) -> list[PinReading]:
    """Source on all channels at once, wait until all have settled, measure, and switch off.

    Args:
        pins: The pins. Several may share a channel, which then sources once.
        settings: The settings of each channel.
        check_caller: Called during the wait. It raises an error when the caller has cancelled.

    Returns:
        One reading per pin, in the order of ``pins``.

    Raises:
        nidcpower.errors.DriverError: The driver or the instrument refused a call.
    """
    groups = _channels_by_session(pins)
    readings: dict[tuple[int, str], Any] = {}
    with contextlib.ExitStack() as stack:
        for session, channels in groups:
            stack.enter_context(_sourcing(session.channels[",".join(channels)], settings))
        for session, channels in groups:
            _wait_until_settled(session.channels[",".join(channels)], check_caller)
        for session, channels in groups:
            readings.update(_measure(session, channels))
    return [_reading(pin, *readings[id(pin.session), pin.channel]) for pin in pins]


def _channels_by_session(
    pins: Sequence[PinChannel],
) -> list[tuple[nidcpower.Session, list[str]]]:
    groups: dict[int, tuple[nidcpower.Session, list[str]]] = {}
    for pin in pins:
        _, channels = groups.setdefault(id(pin.session), (pin.session, []))
        if pin.channel not in channels:
            channels.append(pin.channel)
    return list(groups.values())


@contextlib.contextmanager
def _sourcing(channels: Any, settings: SourceSettings) -> Iterator[None]:
    """Source on channels during the block. Switch them off at its end, also after an error."""
    try:
        channels.source_mode = nidcpower.SourceMode.SINGLE_POINT
        channels.output_function = nidcpower.OutputFunction.DC_VOLTAGE
        channels.current_limit = settings.current_limit
        channels.voltage_level_range = settings.voltage_level_range
        channels.current_limit_range = settings.current_limit_range
        channels.source_delay = hightime.timedelta(seconds=settings.source_delay)
        channels.voltage_level = settings.voltage_level
        with channels.initiate():
            yield
    finally:
        channels.reset()


def _wait_until_settled(channels: Any, check_caller: Callable[[], None]) -> None:
    # The driver's wait cannot be cancelled, so wait in short slices that time out.
    while True:
        check_caller()
        try:
            channels.wait_for_event(nidcpower.Event.SOURCE_COMPLETE, timeout=_WAIT_SLICE)
        except nidcpower.errors.DriverError as error:
            if error.code not in _TIMEOUT_CODES:
                raise
        else:
            return


def _measure(
    session: nidcpower.Session, channels: Sequence[str]
) -> dict[tuple[int, str], tuple[float, float, bool]]:
    values = session.channels[",".join(channels)].measure_multiple()
    return {
        (id(session), channel): (
            value.voltage,
            value.current,
            session.channels[channel].query_in_compliance(),
        )
        for channel, value in zip(channels, values, strict=True)
    }


def _reading(pin: PinChannel, voltage: float, current: float, in_compliance: bool) -> PinReading:
    return PinReading(pin.site, pin.pin, voltage, current, in_compliance)
