"""The console shows nothing that is not so, and a reload loses nothing."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from json_logger_client import JsonLoggerClient, SessionSharingError
from processes import eventually
from running_station import Console, Event, Program, Station, Visitor


@pytest.fixture
def console(station: Station) -> Console:
    return station.start_console("--control")


class _Plot:
    """What a browser knows of a plot, made from its stream as plot.js does."""

    def __init__(self) -> None:
        self.buckets: list[list[tuple[int, float, float]]] = []
        self.place = ""

    def take(self, event: Event) -> None:
        self.place = event.place or self.place
        if event.name == "points":
            data = json.loads(event.data)
            del self.buckets[data["first"] :]
            self.buckets += data["buckets"]

    def points(self) -> list[tuple[int, float]]:
        return [(seq, value) for bucket in self.buckets for seq, _, value in bucket]


def _records_path(station: Station, field: str = "outputs.v") -> str:
    return f"/records?log={quote(station.path_of())}&name=m&field={field}"


def _written(station: Station) -> list[tuple[int, float]]:
    lines = Path(station.path_of()).read_text("utf-8").splitlines()
    records = map(json.loads, lines)
    return [(one["seq"], float(one["measurement_outputs"]["v"])) for one in records]


def _until(plot: _Plot, events: Iterator[Event], last: int) -> None:
    end = time.monotonic() + 60
    while not plot.buckets or plot.points()[-1][0] < last:
        plot.take(next(events))
        assert time.monotonic() < end, plot.points()[-3:]


def _wait_for_log(visitor: Visitor) -> None:
    eventually(lambda: "test.ndjson" in visitor.page("/records"))


def test_a_killed_logger_is_shown_as_gone_within_two_seconds(
    station: Station, console: Console
) -> None:
    visitor = console.visit()
    logger = station.start_logger()
    eventually(lambda: "runs at" in visitor.page("/now"))
    with visitor.live("/now") as events:
        logger.kill()
        killed = time.monotonic()
        for event in events:
            if "Logger" in event.data and "is not there since" in event.data:
                break
        assert time.monotonic() - killed < 2
    page = visitor.page("/now")
    assert "json-logger serve" in page
    station.start_logger()
    eventually(lambda: "runs at" in visitor.page("/now"))


def test_a_logger_that_does_not_answer_is_shown_as_gone(station: Station, console: Console) -> None:
    visitor = console.visit()
    logger = station.start_logger()
    eventually(lambda: "runs at" in visitor.page("/now"))
    logger.suspend()
    assert eventually(lambda: "runs at" not in visitor.page("/now")) < 10


def test_a_platform_that_does_not_answer_or_was_killed_is_shown_as_gone(station: Station) -> None:
    console = station.start_console()
    visitor = console.visit()
    state = station.folder / "r" / "session-sharing" / "platform-sim.json"
    for end in (Program.suspend, Program.kill):
        command = ("platform_sim.cli", "up", f"--state-file={state}")
        platform = station.start("platform", *command)
        eventually(lambda: "platform-sim up" not in visitor.page("/now"))
        end(platform)
        eventually(lambda: "platform-sim up" in visitor.page("/now"))
        platform.kill()


def test_after_a_restart_of_the_logger_the_plot_goes_on_with_every_record_once(
    station: Station, console: Console
) -> None:
    visitor = console.visit()
    logger = station.start_logger()
    plot = _Plot()
    with contextlib.ExitStack() as stack:
        with pytest.raises(SessionSharingError), station.open_log() as log:
            for number in range(100):
                log.log_data("m", {}, {"v": number})
            _wait_for_log(visitor)
            events = stack.enter_context(visitor.live(_records_path(station)))
            _until(plot, events, 100)
            logger.kill()
            station.start_logger()
            for number in range(1000):
                log.log_data("m", {}, {"v": -number})
        with station.open_log() as again:
            for number in range(100, 200):
                again.log_data("m", {}, {"v": number})
            _until(plot, events, len(_written(station)))
    assert plot.points() == _written(station)


def test_two_browsers_and_a_reload_see_the_same_complete_series(
    station: Station, console: Console
) -> None:
    first, second = console.visit(), console.visit(console.new_link())
    station.start_logger()
    count = 1500
    with station.open_log() as log:
        log.log_data("m", {}, {"v": 0})
        _wait_for_log(first)
        writer = threading.Thread(target=_write, args=(log, count))
        writer.start()
        whole, broken, late = _Plot(), _Plot(), _Plot()
        with first.live(_records_path(station)) as events:
            with second.live(_records_path(station)) as part:
                _until(broken, part, 200)
            with second.live(_records_path(station), last_id=broken.place) as rest:
                _until(broken, rest, count)
            _until(whole, events, count)
        with second.live(_records_path(station)) as events:
            _until(late, events, count)
        writer.join()
    assert whole.points() == broken.points() == late.points() == _written(station)


def test_a_series_of_a_long_log_keeps_every_peak(station: Station, console: Console) -> None:
    visitor = console.visit()
    station.start_logger()
    count = 9000
    with station.open_log() as log, log.stream() as stream:
        for number in range(count):
            stream.log("m", {}, {"v": 1000.0 if number == 4321 else number % 7})
        stream.flush()
        _wait_for_log(visitor)
        plot = _Plot()
        with visitor.live(_records_path(station)) as events:
            end = time.monotonic() + 60
            while not plot.buckets or plot.points()[-1][0] < count - 8:
                plot.take(next(events))
                assert time.monotonic() < end
    points = plot.points()
    assert len(points) <= 4000
    assert (4322, 1000.0) in points
    assert points == sorted(points)
    written = set(_written(station))
    assert set(points) <= written


def _write(log: JsonLoggerClient, count: int) -> None:
    for number in range(1, count):
        log.log_data("m", {}, {"v": number / 8})


def test_what_happened_before_the_console_was_started_is_shown(station: Station) -> None:
    station.start_logger()
    with station.open_log() as log:
        log.log_data("m", {}, {"v": 1})
    console = station.start_console()
    with console.visit().live("/sessions") as events:
        rows = next(event for event in events if event.name == "rows").json()["rows"]
    assert [row[1] for row in rows] == ["opened", "detached", "closed"]  # type: ignore[attr-defined]


def test_a_log_that_was_open_for_a_moment_is_listed_and_shown(station: Station) -> None:
    station.start_logger()
    with station.open_log() as log:
        log.log_data("m", {}, {"v": 1.5})
    with station.open_log("removed.ndjson") as log:
        log.log_data("m", {}, {"v": 1})
    Path(station.path_of("removed.ndjson")).unlink()
    visitor = station.start_console().visit()
    _wait_for_log(visitor)
    assert "removed.ndjson" not in visitor.page("/records")
    plot = _Plot()
    with visitor.live(_records_path(station)) as events:
        _until(plot, events, 1)
    assert plot.points() == [(1, 1.5)]


def test_the_end_of_the_console_ends_its_streams(station: Station, console: Console) -> None:
    visitor = console.visit()
    with visitor.live("/now") as events:
        next(events)
        assert console.stop() == 0
        for _ in events:
            pass
    assert not console.state_file.exists()
