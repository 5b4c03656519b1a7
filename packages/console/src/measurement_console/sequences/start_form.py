"""Read the form that starts a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from measurement_console.errors import ConsoleError
from measurement_console.file_names import file_name

_HIGHEST_SITE = 2**31 - 1
_MOST_SITES = 10_000


class StartInputError(ConsoleError):
    """A sequence cannot be started with these values."""


@dataclass(frozen=True, slots=True)
class Start:
    """A sequence to start, and with what."""

    sequence: str
    """Path of the sequence file."""
    pin_map: str = ""
    """Path of the pin map to use instead of the sequence's own, or ""."""
    sites: tuple[int, ...] = ()
    """Sites to measure on, none for all."""
    uut: str = ""
    """Serial number of the unit under test, or ""."""

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the request to the service; what is empty is left out."""
        fields = {
            "sequence": self.sequence,
            "pin_map": self.pin_map,
            "sites": self.sites,
            "uut": self.uut,
        }
        return {name: value for name, value in fields.items() if value}

    def __str__(self) -> str:
        return "".join([self.sequence, *(f", {one}" for one in option_texts(self))])


def option_texts(start: Any) -> list[str]:
    """Return with what a run starts or was started, such as "sites 0, 1"; nothing for defaults.

    Args:
        start: A `Start`, or a run.
    """
    texts = []
    if start.pin_map:
        texts.append(f"pin map {file_name(start.pin_map)}")
    if start.sites:
        sites = ", ".join(map(str, start.sites))
        texts.append(f"site{'s' if len(start.sites) > 1 else ''} {sites}")
    if start.uut:
        texts.append(f"unit {start.uut}")
    return texts


def read_start(form: Mapping[str, str]) -> Start:
    """Return what a form says.

    Raises:
        StartInputError: The sites are no numbers.
    """
    return Start(
        sequence=form.get("sequence", ""),
        pin_map=form.get("pin_map", ""),
        sites=_sites(form.get("sites", "")),
        uut=form.get("uut", "").strip(),
    )


def _sites(text: str) -> tuple[int, ...]:
    parts = text.replace(",", " ").split()
    if len(parts) > _MOST_SITES or not all(map(_is_site, parts)):
        raise StartInputError(f"{text!r:.60} are no sites. Write site numbers, such as 0, 1.")
    return tuple(dict.fromkeys(map(int, parts)))


def _is_site(text: str) -> bool:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_HIGHEST_SITE))
    return is_number and int(text) <= _HIGHEST_SITE
