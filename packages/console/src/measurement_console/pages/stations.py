"""Show the stations that copy their records to a store."""

from __future__ import annotations

from collections.abc import Sequence

from measurement_console.console import Console
from measurement_console.live.feed import Feed, Message
from measurement_console.pages.page import Arguments, Facts, Page


class _Interest:
    """Tells the sources that a browser shows the stations. It has nothing to send."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def since(self, position: int) -> Sequence[Message]:
        """Return nothing."""
        self._console.stations.ask()
        self._console.logger.ask_counters()
        return ()

    def close(self) -> None:
        """Do nothing."""


def _list(console: Console, _: Arguments) -> Facts:
    counters = console.logger.counters
    own = {key: counters[key] for key in ("store_lag_seconds", "store_records") if key in counters}
    return {"stations": console.stations, "own": own}


def _feeds(console: Console, _: Arguments) -> Sequence[Feed]:
    return [_Interest(console)]


STATIONS = Page("stations", "Stations", sections={"stations-list": _list}, feeds=_feeds)
