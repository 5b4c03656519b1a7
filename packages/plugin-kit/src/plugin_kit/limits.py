"""Limits of a measurement's outputs, and the check of measured values against them.

An output can be a number, or an array with one element for each site and pin. Then the outputs
`measurement_sites` and `measurement_pin_names` have the site and pin of each element.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from plugin_kit.errors import LimitsError

SITES_OUTPUT = "measurement_sites"
"""Output with the site of each element of the arrays."""
PINS_OUTPUT = "measurement_pin_names"
"""Output with the pin of each element of the arrays."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a value. It passes if it is not below `low` and not above `high`."""

    low: float | None = None
    """Lowest value that passes; None for no such limit."""
    high: float | None = None
    """Highest value that passes; None for no such limit."""
    nominal: float | None = None
    """The intended value. It limits nothing; reports show it."""

    def __post_init__(self) -> None:
        """Refuse limits that are not finite numbers, or that no value can pass.

        Raises:
            LimitsError: A limit is wrong.
        """
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and not _is_finite(value):
                raise LimitsError(f"{item.name} is {value!r}. Give a finite number.")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise LimitsError(f"low, {self.low}, is above high, {self.high}. Exchange them.")

    @property
    def can_fail(self) -> bool:
        """Whether there is a lowest or a highest value."""
        return self.low is not None or self.high is not None

    def allow(self, value: object) -> bool:
        """Return whether a value passes. What is not a number passes no limit; NaN neither."""
        if not self.can_fail:
            return True
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def plain(self) -> dict[str, float]:
        """Return the limits that are given, by name."""
        values = ((item.name, getattr(self, item.name)) for item in fields(self))
        return {name: value for name, value in values if value is not None}

    def __str__(self) -> str:
        """Return the limits for people, such as ``4.9 to 5.1``."""
        if not self.can_fail:
            return "no limits"
        if self.low is None:
            return f"at most {self.high:g}"
        return f"at least {self.low:g}" if self.high is None else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """Limits of one output on every site."""

    usual: Limits = Limits()
    """Limits of the sites that have none of their own."""
    sites: Mapping[int, Limits] = field(default_factory=dict)
    """Limits of single sites. They replace the usual ones."""

    @property
    def can_fail(self) -> bool:
        """Whether there is a lowest or a highest value on any site."""
        return any(one.can_fail for one in (self.usual, *self.sites.values()))

    def at(self, site: int | None) -> Limits:
        """Return the limits at a site. None is a value that belongs to no site."""
        return self.usual if site is None else self.sites.get(site, self.usual)

    def plain(self) -> dict[str, Any]:
        """Return the limits as plain values, as `read_limits` reads them."""
        sites = {str(site): limits.plain() for site, limits in self.sites.items()}
        return {**self.usual.plain(), **({"sites": sites} if sites else {})}


def read_limits(plain: object) -> dict[str, OutputLimits]:
    """Return the limits of outputs by name, from plain values, such as of a TOML or JSON file.

    Raises:
        LimitsError: A key or a value is wrong. The text names the output.
    """
    if not isinstance(plain, Mapping):
        raise LimitsError(f"limits is {plain!r:.60}. Write a table of limits by output.")
    found = {}
    for output, entry in plain.items():
        try:
            found[str(output)] = _read_output(entry)
        except LimitsError as error:
            raise LimitsError(f"limits of {output}: {error}") from None
    return found


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """A measured value and its limits."""

    output: str
    """Name of the output."""
    value: object
    """The value. For an array that does not belong to sites: its first element that fails, or its
    last one."""
    limits: Limits
    """Limits of the value."""
    passed: bool
    """Whether the value is within the limits."""
    site: int | None = None
    """Site of the value; None if it belongs to no single site."""
    pin: str = ""
    """Pin of the value; empty if the plug-in does not name it."""

    @property
    def place(self) -> str:
        """The output, with its site and pin: ``current at site 2, Pin1``."""
        site = "" if self.site is None else f"site {self.site}"
        where = ", ".join(part for part in (site, self.pin) if part)
        return f"{self.output} at {where}" if where else self.output

    def __str__(self) -> str:
        """Return the check for people: ``current at site 2 is 7.0, not within 1 to 5``."""
        verb = "is within" if self.passed else "is not within"
        return f"{self.place}: {self.value} {verb} {self.limits}"


def check_limits(
    limits: Mapping[str, OutputLimits], outputs: Mapping[str, object], site: int | None = None
) -> tuple[LimitCheck, ...]:
    """Compare measured values with their limits.

    Args:
        limits: Limits by output.
        outputs: The outputs of one call of a measurement.
        site: The site that was measured; None if it was not one site.

    Returns:
        A check for each value that belongs to a site, and one for each other output.

    Raises:
        LimitsError: An output is missing, or its site is not known and the limits depend on it.
    """
    return tuple(
        check for name, one in limits.items() for check in _checks_of(name, one, outputs, site)
    )


def _is_finite(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)  # type: ignore[arg-type]


def _read_output(entry: object) -> OutputLimits:
    if not isinstance(entry, Mapping):
        raise LimitsError(f"it is {entry!r:.60}. Write a table, such as {{ low = 1, high = 2 }}.")
    sites = entry.get("sites", {})
    if not isinstance(sites, Mapping):
        raise LimitsError(f"sites is {sites!r:.60}. Write a table of limits by site number.")
    usual = {key: value for key, value in entry.items() if key != "sites"}
    limits = OutputLimits(
        _read_one(usual, ("sites",)),
        {_read_site(site): _read_one(one) for site, one in sites.items()},
    )
    if not limits.can_fail:
        raise LimitsError("no value can fail. Give low or high.")
    return limits


def _read_site(site: object) -> int:
    try:
        return int(str(site))
    except ValueError:
        raise LimitsError(f"{site!r} is not a site number.") from None


def _read_one(entry: object, others: tuple[str, ...] = ()) -> Limits:
    names = [item.name for item in fields(Limits)]
    if not isinstance(entry, Mapping):
        raise LimitsError(f"{entry!r:.60} are no limits. Write a table with {', '.join(names)}.")
    unknown = sorted(set(map(str, entry)) - set(names))
    if unknown:
        raise LimitsError(
            f"{', '.join(unknown)} is not a known key. The keys are {', '.join([*names, *others])}."
        )
    for name, value in entry.items():
        if not _is_finite(value):
            raise LimitsError(f"{name} is {value!r}. Give a finite number.")
    return Limits(**{str(name): float(value) for name, value in entry.items()})


def _checks_of(
    name: str, limits: OutputLimits, outputs: Mapping[str, object], site: int | None
) -> Iterator[LimitCheck]:
    if name not in outputs:
        raise LimitsError(
            f"there are limits for {name}, but the measurement has no such output. It has "
            f"{', '.join(outputs) or 'none'}."
        )
    value = outputs[name]
    sites = _list_of(outputs, SITES_OUTPUT)
    pins = _list_of(outputs, PINS_OUTPUT)
    if isinstance(value, (list, tuple)) and value and len(value) == len(sites):
        names = pins if len(pins) == len(sites) else [""] * len(sites)
        for item, at, pin in zip(value, sites, names, strict=True):
            number = at if isinstance(at, int) else None
            yield _check(name, [item], limits, number, str(pin))
        return
    values = value if isinstance(value, (list, tuple)) else [value]
    yield _check(name, values, limits, site, "")


def _check(
    name: str, values: Sequence[object], limits: OutputLimits, site: int | None, pin: str
) -> LimitCheck:
    if limits.sites and site is None:
        raise LimitsError(
            f"the limits of {name} depend on the site, but the site of its values is not known. "
            f"The measurement needs an output {SITES_OUTPUT} with a site for each value."
        )
    here = limits.at(site)
    failing = [value for value in values if not here.allow(value)]
    shown = failing[0] if failing else values[-1] if values else None
    return LimitCheck(name, shown, here, bool(values) and not failing, site, pin)


def _list_of(outputs: Mapping[str, object], name: str) -> Sequence[object]:
    value = outputs.get(name)
    return value if isinstance(value, (list, tuple)) else ()
