"""Show the records of a log: a live plot of a number or a waveform, a table, and downloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlencode

from starlette.routing import Route

from measurement_console.console import Console
from measurement_console.errors import RefusedError
from measurement_console.file_names import file_name
from measurement_console.live.feed import Feed
from measurement_console.live.record_feeds import RowsFeed, SeriesFeed, WaveformFeed
from measurement_console.pages.choosing import chosen_by
from measurement_console.pages.downloads import download
from measurement_console.pages.page import Arguments, Facts, Page

_MOST_NAMES = 100
_LONGEST_NAME = 500
"""Characters of a name that can be chosen; a longer one would not fit into an address."""


def _address(arguments: Mapping[str, str], **changes: str) -> str:
    """Return the address of the page with some arguments changed; an empty one is left out."""
    wanted = {**arguments, **changes}
    return "/records?" + urlencode({key: value for key, value in wanted.items() if value})


def _facts(console: Console, arguments: Arguments) -> Facts:
    problem = ""
    try:
        chosen_by(arguments)
    except RefusedError as error:
        problem = str(error)
    log = arguments.get("log", "")
    formats = ("ndjson", "csv", "parquet", "report")
    downloads = {
        kind: _address(arguments, format=kind).replace("/records?", "/records/download?")
        for kind in formats
    }
    return {
        "log": log,
        "file": file_name(log),
        "arguments": arguments,
        "problem": problem,
        "downloads": downloads,
    }


def _logs(console: Console, arguments: Arguments) -> Facts:
    logs = [(log, _address({}, log=log.path)) for log in console.logs.all()]
    return {
        "logs": logs,
        "chosen": arguments.get("log", ""),
        "health": console.logger.health,
    }


def _state(console: Console, arguments: Arguments) -> Facts:
    facts: dict[str, object] = {"health": console.logger.health, "problem": "", "reader": None}
    if not arguments.get("log"):
        return facts
    try:
        reader = console.logs.reader(arguments["log"])
    except RefusedError as error:
        return {**facts, "problem": str(error)}
    with reader.lock:
        done, last = reader.next_seq - 1, reader.last_seq
    return {**facts, "reader": reader, "done": done, "last": last, "rate": round(reader.rate)}


def _names(console: Console, arguments: Arguments) -> Facts:
    if not arguments.get("log"):
        return {"names": [], "fields": [], "waveforms": [], "more": 0, "name": ""}
    try:
        reader = console.logs.reader(arguments["log"])
    except RefusedError:
        return {"names": [], "fields": [], "waveforms": [], "more": 0, "name": ""}
    name = arguments.get("name", "")
    with reader.lock:
        names = list(reader.measurements)
        measurement = reader.measurements.get(name)
        fields = list(measurement.fields) if measurement else []
        waveforms = list(measurement.waveforms) if measurement else []
    at = partial(_address, arguments)
    shown = names[:_MOST_NAMES]
    return {
        "name": name,
        "field": arguments.get("field", ""),
        "waveform": arguments.get("waveform", ""),
        "names": [
            (one, at(name=one, field="", waveform="") if len(one) <= _LONGEST_NAME else "")
            for one in shown
        ],
        "more": len(names) - len(shown),
        "fields": [(one, at(field=one, waveform="")) for one in fields],
        "waveforms": [(one, at(field="", waveform=one)) for one in waveforms],
    }


def _feeds(console: Console, arguments: Arguments) -> Sequence[Feed]:
    log = arguments.get("log")
    if not log:
        return ()
    console.logs.reader(log)  # refuses an unknown log
    open_reader = partial(console.logs.reader, log)
    name, field = arguments.get("name", ""), arguments.get("field", "")
    feeds: list[Feed] = [RowsFeed(open_reader, chosen_by(arguments))]
    if name and field:
        feeds.append(SeriesFeed(open_reader, name, field))
    elif name and arguments.get("waveform"):
        feeds.append(WaveformFeed(open_reader, name, arguments["waveform"]))
    return feeds


RECORDS = Page(
    "records",
    "Records",
    sections={
        "records-logs": _logs,
        "records-state": _state,
        "records-names": _names,
    },
    facts=_facts,
    feeds=_feeds,
    routes=(Route("/records/download", download, methods=["GET"]),),
    scripts=("vendor/uplot-1.6.32.iife.min.js", "plot-style.js", "plot.js"),
)
