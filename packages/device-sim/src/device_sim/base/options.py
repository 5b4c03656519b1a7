"""Parse the option string of a driver: `Simulate=1, DriverSetup=Model:4162; BoardType:PXIe`."""

from __future__ import annotations

from dataclasses import dataclass, field

from device_sim.errors import UNKNOWN_OPTION_NAME, UNKNOWN_OPTION_VALUE, DriverError

_BOOLEAN_OPTIONS = frozenset(
    {"rangecheck", "queryinstrstatus", "cache", "simulate", "recordcoercions", "interchangecheck"}
)
_VALUES = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, slots=True)
class Options:
    """The options that a client set in its option string."""

    simulate: bool = False
    """True if the client asked for NI's simulation. Here every device is simulated in any case."""

    flags: dict[str, bool] = field(default_factory=dict)
    """All boolean options in the string, by lower-case name."""

    driver_setup: str = ""
    """The text after `DriverSetup=`, unchanged."""

    setup: dict[str, str] = field(default_factory=dict)
    """The entries of `driver_setup`, by lower-case name."""


def parse_options(text: str) -> Options:
    """Parse an option string. Blanks around names and values do not matter.

    Raises:
        DriverError: An option or the value of an option is unknown.
    """
    flags: dict[str, bool] = {}
    driver_setup = ""
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (part.strip() for part in entry.partition("="))
        if name.lower() == "driversetup":
            driver_setup = value
        elif name.lower() not in _BOOLEAN_OPTIONS:
            raise DriverError(UNKNOWN_OPTION_NAME, f"Option Name: {name}")
        elif value.lower() not in _VALUES:
            raise DriverError(UNKNOWN_OPTION_VALUE, f"{name}={value}")
        else:
            flags[name.lower()] = _VALUES[value.lower()]
    return Options(flags.get("simulate", False), flags, driver_setup, _parse_setup(driver_setup))


def _parse_setup(text: str) -> dict[str, str]:
    entries = (part.partition(":") for part in text.split(";") if part.strip())
    return {name.strip().lower(): value.strip() for name, _, value in entries}
