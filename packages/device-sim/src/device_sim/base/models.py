"""Instrument models as data: each driver's folder has a `models.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

from device_sim.base.attributes import Value
from device_sim.base.options import Options
from device_sim.errors import UNKNOWN_OPTION_VALUE, DriverError, ErrorCode

_SLACK = 1e-12
"""A value may exceed a range by this fraction, so that rounding errors do not matter."""


_NUMBERED = re.compile(r"(.*?)(\d+)-(\d+)")


def expand_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return a list of names in which `r0-2` stands for r0, r1 and r2."""
    return tuple(name for text in names for name in _expand(text))


def _expand(text: str) -> list[str]:
    found = _NUMBERED.fullmatch(text)
    if not found:
        return [text]
    return [f"{found[1]}{number}" for number in range(int(found[2]), int(found[3]) + 1)]


def next_up(steps: Iterable[float], value: float) -> float | None:
    """Return the smallest of some ascending steps that holds a value, None if none does."""
    return next((step for step in steps if abs(value) <= step * (1 + _SLACK)), None)


class ModelBook:
    """The models of one driver, as `models.toml` describes them.

    The file has `default`, the number of the model that a client gets if it names none, and a table
    `models.NUMBER` for each model: `board`, `unverified` (the figures that no public document
    gives), and, where the driver needs them:

    - `name`: the name that the driver reports, by default made of board and number
    - `channels`: their number, by default 1, or their names; `r0-2` stands for r0, r1 and r2
    - `features`: names that the driver's data and code ask for
    - `defaults`: the model's own attribute values after a reset
    - `steps`: the values that the hardware has, ascending, by name
    - `limits`: smallest and largest value of attributes, by name
    - `constants`: the model's own answers to calls, as in calls.toml
    - all that the driver's model class reads in addition.

    With `like = "NUMBER"` a model takes all that it does not say from one further up. A table
    within it takes what it does not say from the same table of another model, if it has a `like`,
    too.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self.default: str = content["default"]
        self.rows: dict[str, dict[str, Any]] = {}
        """The models by number, each with all that it says or takes from another."""
        for number, row in content["models"].items():
            self.rows[number] = self._resolve(row)

    def _resolve(self, row: Mapping[str, Any]) -> dict[str, Any]:
        resolved = {**self.rows.get(row.get("like", ""), {}), **row}
        for name, table in row.items():
            if isinstance(table, dict) and "like" in table:
                own = {key: value for key, value in table.items() if key != "like"}
                resolved[name] = {**self.rows[table["like"]][name], **own}
        return resolved

    def find(self, number: str) -> str | None:
        """Return the number of a model as `rows` has it, None if there is no such model.

        `PXIe-4141`, as on the device, works, too.
        """
        if number in self.rows:
            return number
        plain = number.upper().rpartition("-")[2]
        return plain if plain in self.rows else None

    def channel_names(self, number: str) -> tuple[str, ...]:
        """Return the names of a model's channels."""
        channels = self.rows[number].get("channels", 1)
        if isinstance(channels, int):
            return tuple(map(str, range(channels)))
        return expand_names(channels)

    def full_name(self, number: str) -> str:
        """Return the name that the driver reports, `NI PXIe-4141`."""
        row = self.rows[number]
        return str(row["name"] if "name" in row else f"NI {row['board']}-{number}")

    def unverified(self, number: str) -> str:
        """Return the figures that no public document gives; empty if all are public."""
        return str(self.rows[number]["unverified"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """An instrument model. A driver that needs more facts adds them in a subclass."""

    number: str
    """For example `4141`."""

    full_name: str
    """The name that the driver reports, `NI PXIe-4141`."""

    channels: tuple[str, ...]
    """The names of an instrument's channels."""

    features: frozenset[str]
    """Names of features."""

    defaults: Mapping[str, Value]
    """The model's own attribute values after a reset."""

    lacks: frozenset[str] = frozenset()
    """Names of the driver's attributes that the model does not have."""

    steps: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """The values that the hardware has, ascending, by name."""

    limits: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Smallest and largest value by attribute, where they differ between models."""

    constants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The model's own answers to calls."""

    @classmethod
    def details(cls, row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that a subclass adds, or makes another way.

        Args:
            row: The model's table in models.toml.
            content: The whole file.
        """
        return {}


M = TypeVar("M", bound=Model)

_BOARD_TYPES = frozenset({"pxi", "pxie", "pci", "pcie", "usb"})


class ModelCatalog(Generic[M]):
    """The models of one driver. Each is made when it is first needed.

    Args:
        book: The models as data.
        make: Make a model of its number.
        unknown: The error for a model that does not exist.
    """

    def __init__(self, book: ModelBook, make: Callable[[str], M], unknown: ErrorCode) -> None:
        self._book = book
        self._unknown = unknown
        self._model = cache(make)

    @property
    def models(self) -> dict[str, M]:
        """All models by number."""
        return {number: self._model(number) for number in self._book.rows}

    @property
    def default(self) -> M:
        """The model for a client that names none."""
        return self._model(self._book.default)

    def find(self, number: str) -> M | None:
        """Return the model with this number. `PXIe-4141`, as on the device, works, too."""
        found = self._book.find(number)
        return self._model(found) if found else None

    def choose(self, options: Options, wired: str | None) -> M:
        """Return the model for a session.

        Args:
            options: The client's options; `DriverSetup=Model:…` names a model.
            wired: The model that the bench file gives the instrument, None without one.

        Raises:
            DriverError: The options name a model or board type that does not exist.
        """
        board = options.setup.get("boardtype", "PXIe")
        if board.lower() not in _BOARD_TYPES:
            raise DriverError(UNKNOWN_OPTION_VALUE, f"BoardType:{board}")
        number = options.setup.get("model") or wired
        return self.require(number) if number else self.default

    def require(self, number: str) -> M:
        """Return the model with this number.

        Raises:
            DriverError: There is none.
        """
        model = self.find(number)
        if model is None:
            known = ", ".join(sorted(self._book.rows))
            raise DriverError(self._unknown, f"Model:{number}\nSimulated models: {known}")
        return model
