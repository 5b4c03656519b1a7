"""The options by which commands find a store, and choose stations in it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click
from json_logger_client.records import RecordFilter, StoreSource, StoreTail
from session_sharing import InvalidArgumentError

if TYPE_CHECKING:
    from json_logger_server.store import StoreOptions

_Function = TypeVar("_Function", bound=Callable[..., Any])


def store_options(
    url: str, station: str | None, *, insecure: bool, longest_waveform: int | None = None
) -> StoreOptions:
    """Check the URL of a store, and name this station.

    Raises:
        InvalidArgumentError: psycopg is missing, or the URL has a password or is not safe.
    """
    with _psycopg_needed():
        from json_logger_server.store import StoreOptions, parse_address
    address = parse_address(url, insecure=insecure)
    options = StoreOptions(address, station or platform.node() or "station")
    if longest_waveform is not None:
        options = replace(options, longest_waveform=longest_waveform)
    return options


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """How a command that reads records reads a store."""

    stations: tuple[str, ...]
    """Only logs of these stations; empty for all."""
    insecure: bool
    """Connect also if TLS does not prove which host answers."""

    def source(self, url: str, chosen: RecordFilter) -> StoreSource:
        """Return the records of a store, for export and report.

        Raises:
            SessionSharingError: The URL is refused, or the store cannot be used.
        """
        with _psycopg_needed():
            return StoreSource(url, chosen, self.stations, insecure=self.insecure)

    def tail(self, url: str, chosen: RecordFilter) -> StoreTail:
        """Return the last records of a store.

        Raises:
            SessionSharingError: The URL is refused.
        """
        with _psycopg_needed():
            return StoreTail(url, chosen, self.stations, insecure=self.insecure)

    def check_unused(self) -> None:
        """Check that no station was chosen, because the command reads no store.

        Raises:
            InvalidArgumentError: A station was chosen.
        """
        if self.stations:
            raise InvalidArgumentError(
                "--station chooses logs in a store. Name the store by its URL, "
                "postgresql://ROLE@HOST/DATABASE, or use --where station=NAME."
            )


def reading_options(command: _Function) -> _Function:
    """Add the options for reading a store; the command gets a `StoreChoice` as `of_store`."""

    @wraps(command)
    def choose(**arguments: Any) -> Any:
        choice = StoreChoice(arguments.pop("station"), arguments.pop("store_insecure"))
        return command(of_store=choice, **arguments)

    station = click.option(
        "--station",
        multiple=True,
        metavar="NAME",
        help="In a store, only logs of this station; may be repeated.",
    )
    insecure = click.option(
        "--store-insecure",
        is_flag=True,
        help="Read a store also if TLS does not prove which host answers.",
    )
    decorated: Any = station(insecure(choose))
    return decorated  # type: ignore[no-any-return]


@contextmanager
def _psycopg_needed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise InvalidArgumentError(
            "A store needs psycopg. Install it: pip install 'json-logger-server[postgresql]'."
        ) from error
