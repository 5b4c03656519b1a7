"""A measurement that the console starts ends for those who watch it, whatever happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from measurement_console.measure.call_lines import MeasureCall
from measurement_console.measure.runs import (
    MOST_KEPT,
    MOST_RUNNING,
    MeasureRun,
    MeasureRuns,
    TooManyRunsError,
    UnknownRunError,
)
from pin_map_xml import pin_map_xml
from platform_sim.platform import Platform, PlatformOptions
from plugin_folders import TEST_PLUGINS
from plugin_kit.calling import EnumValue

BEHAVIOUR = "platform_sim.tests.Behaviour"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    options = PlatformOptions(
        plugin_folders=(TEST_PLUGINS,),
        log_folder=tmp_path_factory.mktemp("logs"),
        has_device_server=False,
    )
    with Platform(options) as platform:
        yield platform


class Watched:
    """Runs, and a way to wait for their changes."""

    def __init__(self, platform: Platform) -> None:
        self.runs = MeasureRuns(lambda: self._news.set())
        self._news = asyncio.Event()
        self._address = platform.discovery_address

    def start(self, mode: str, number: int, **more: object) -> MeasureRun:
        values = {"mode": EnumValue(mode, number), **more.pop("values", {})}
        call = MeasureCall(BEHAVIOUR, values, **more)
        return self.runs.start(
            call, discovery_address=self._address, display_name="Behaviour", who="me"
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.wait_for(self._news.wait(), PATIENCE)
            self._news.clear()

    async def end_of(self, run: MeasureRun) -> None:
        await self.until(lambda: run.ended_at is not None)


@pytest.fixture
def run(platform: Platform) -> Callable[[Callable[[Watched], Awaitable[None]]], None]:
    async def watch(test: Callable[[Watched], Awaitable[None]]) -> None:
        watched = Watched(platform)
        try:
            await test(watched)
        finally:
            watched.runs.close()

    return lambda test: asyncio.run(watch(test))


def test_a_run_has_the_last_outputs_and_counts_all_updates(run) -> None:
    async def test(watched: Watched) -> None:
        one = watched.start("YIELD", 1, values={"count": 500})
        assert one.state == "running"
        await watched.end_of(one)
        assert (one.state, one.error, one.updates) == ("done", "", 500)
        assert shown(one)["number"] == "500"

    run(test)


def test_a_failure_of_the_plugin_is_the_error_of_the_run(run) -> None:
    async def test(watched: Watched) -> None:
        one = watched.start("RAISE", 3)
        await watched.end_of(one)
        assert one.state == "failed"
        assert "the probe fell off" in one.error

    run(test)


def test_a_cancelled_run_says_who_cancelled_it(run, tmp_path: Path) -> None:
    async def test(watched: Watched) -> None:
        mark = tmp_path / "mark"
        one = watched.start("WAIT_FOR_CANCEL", 5, values={"mark file": str(mark)})
        watched.runs.cancel(one.run_id, "Ada")
        assert one.state == "cancelling"
        watched.runs.cancel(one.run_id, "Bob")
        await watched.end_of(one)
        assert (one.state, one.error) == ("cancelled", "Cancelled by Ada.")
        watched.runs.cancel(one.run_id, "Bob")
        assert one.error == "Cancelled by Ada."

    run(test)


def test_a_run_measures_with_its_pin_map_and_sites(run, tmp_path: Path) -> None:
    file = tmp_path / "P.pinmap"
    file.write_text(pin_map_xml(pins=["A"], sites=[0, 1, 2]), encoding="utf-8")

    async def test(watched: Watched) -> None:
        one = watched.start("RETURN", 0, pin_map=str(file), sites=(1, 2))
        await watched.end_of(one)
        assert (shown(one)["sites"], shown(one)["pin map"]) == ("1, 2", str(file))

    run(test)


def test_a_pin_map_that_is_gone_is_the_error_of_the_run(run) -> None:
    async def test(watched: Watched) -> None:
        gone = Path("nowhere", "P.pinmap")
        one = watched.start("RETURN", 0, pin_map=str(gone))
        await watched.end_of(one)
        assert f"{gone} cannot be read" in one.error

    run(test)


def test_a_platform_that_is_gone_is_the_error_of_the_run(run) -> None:
    async def test(watched: Watched) -> None:
        one = watched.runs.start(
            MeasureCall(BEHAVIOUR), discovery_address="127.0.0.1:1", display_name="", who=""
        )
        await watched.end_of(one)
        assert "No platform answers at 127.0.0.1:1" in one.error

    run(test)


def test_the_number_of_runs_is_bounded(run) -> None:
    async def test(watched: Watched) -> None:
        waiting = [watched.start("WAIT_FOR_CANCEL", 5) for _ in range(MOST_RUNNING)]
        with pytest.raises(TooManyRunsError, match="cancel one"):
            watched.start("RETURN", 0)
        for one in waiting:
            watched.runs.cancel(one.run_id, "me")
            await watched.end_of(one)
        for _ in range(MOST_KEPT):
            await watched.end_of(watched.start("RETURN", 0))
        assert len(watched.runs.all()) == MOST_KEPT
        assert watched.runs.all()[0].started_at > watched.runs.all()[-1].started_at
        with pytest.raises(UnknownRunError, match="last 50 runs"):
            watched.runs.get(waiting[0].run_id)

    run(test)


def shown(run: MeasureRun) -> dict[str, str]:
    return {one.name: one.text for one in run.shown.outputs}
