"""The contacts of a switch: which relay joins which channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from device_sim.base.models import Model, expand_names


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact of a relay."""

    first: str
    """The row, input or common channel."""

    second: str
    """The channel that it joins the first with."""

    relay: str
    """The name of the relay, in lower case. Where NI's names are not known, it is our own."""

    closed_at_rest: bool = False
    """True if it is open while the relay is closed."""

    @property
    def path(self) -> str:
        """The path as the driver writes it, `r0->c0`."""
        return f"{self.first}->{self.second}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchModel(Model):
    """A switch in one topology."""

    contacts: Mapping[frozenset[str], Contact]
    """The contacts by both of their channels, in lower case."""

    relays: tuple[str, ...]
    """The names of the relays that clients may use, in order."""

    facts: Mapping[str, int]
    """Rows, columns and wires, by the names of their attributes."""

    @classmethod
    def details(cls, row: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of this class."""
        contacts = [*_crosspoints(row.get("banks", ())), *_pairs(row)]
        has_names = row.get("relays", False) or "pairs" in row
        return {
            "contacts": {frozenset((c.first.lower(), c.second.lower())): c for c in contacts},
            "relays": tuple(dict.fromkeys(c.relay for c in contacts)) if has_names else (),
            "facts": {
                "num_of_rows": row.get("rows", 0),
                "num_of_columns": row.get("columns", 0),
                "wire_mode": row["wires"],
            },
        }


def _crosspoints(banks: list[list[list[str]]]) -> Iterator[Contact]:
    for rows, columns in banks:
        for row in expand_names(rows):
            for column in expand_names(columns):
                yield Contact(row, column, f"k{row}{column}".lower())


def _pairs(row: Mapping[str, Any]) -> Iterator[Contact]:
    common, *others = row.get("contacts", ("",))
    for number in range(row.get("pairs", 0)):
        for other in others:
            ends = (f"{common}{number}", f"{other}{number}")
            yield Contact(*ends, f"k{number}", closed_at_rest=other == "nc")
