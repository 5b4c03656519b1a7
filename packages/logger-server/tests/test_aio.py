"""The client for asyncio: the same promises as the client, and the event loop never waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import psutil
import pytest
from json_logger_client import (
    ConnectOptions,
    InvalidArgumentError,
    ServerUnavailableError,
    SessionExpiredError,
    SessionSharingError,
    StreamOptions,
)
from json_logger_client.aio import AsyncJsonLoggerClient
from logger_process import LoggerProcess, names_in, records_in
from processes import eventually

_Result = TypeVar("_Result")
PATIENCE = 120.0


def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


def client(logger: LoggerProcess, file: str, **options: Any) -> AsyncJsonLoggerClient:
    return AsyncJsonLoggerClient(file, connection=logger.connect(**options))


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Stop a process during the block, so that it does not answer."""
    process = psutil.Process(pid)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


class Turns:
    """Counts the turns that the event loop gives to another task, and its longest pause."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0


@asynccontextmanager
async def turns() -> AsyncIterator[Turns]:
    """Let another task run during the block."""
    seen = Turns()

    async def take_turns() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.001)
            seen.longest = max(seen.longest, time.monotonic() - began)
            seen.count += 1

    task = asyncio.create_task(take_turns())
    try:
        yield seen
    finally:
        task.cancel()


def test_records_and_their_numbers_are_those_of_the_file(logger: LoggerProcess) -> None:
    async def work() -> list[int]:
        async with client(logger, "aio.ndjson") as log:
            assert log.new_session
            return [await log.log_data("a", {"i": i}, {"value": [1.5, i]}) for i in range(3)]

    assert run(work()) == [1, 2, 3]
    records = records_in(logger.folder / "aio.ndjson")
    assert [record["measurement_configurations"]["i"] for record in records] == [0, 1, 2]


def test_many_tasks_log_over_one_session(logger: LoggerProcess) -> None:
    async def work() -> list[int]:
        async with client(logger, "tasks.ndjson") as log:
            return await asyncio.gather(*(log.log_data(f"t{n}", {}, {}) for n in range(500)))

    assert sorted(run(work())) == list(range(1, 501))
    assert set(names_in(logger.folder / "tasks.ndjson")) == {f"t{n}" for n in range(500)}


def test_a_stream_keeps_its_order_and_lets_other_tasks_run(logger: LoggerProcess) -> None:
    async def work() -> Turns:
        small = StreamOptions(max_unacknowledged_bytes=50_000)
        async with turns() as seen, client(logger, "stream.ndjson") as log:
            async with log.stream(small) as stream:
                for number in range(20_000):
                    await stream.log("s", {}, {"i": number})
            assert stream.unacknowledged == 0
        return seen

    assert run(work()).count > 10
    records = records_in(logger.folder / "stream.ndjson")
    assert [r["measurement_outputs"]["i"] for r in records] == list(range(20_000))


def test_the_event_loop_goes_on_while_the_server_is_stopped(own_logger: LoggerProcess) -> None:
    async def work() -> tuple[Turns, list[BaseException | int]]:
        log = client(own_logger, "stopped.ndjson", timeout=3.0)
        await log.__aenter__()
        await log.log_data("before", {}, {})
        with paused(own_logger.pid):
            async with turns() as seen:
                full = log.stream(StreamOptions(max_unacknowledged_bytes=10))
                await full.log("first", {}, {})
                answers = await asyncio.gather(
                    log.log_data("meanwhile", {}, {}),
                    full.log("second", {}, {}),
                    full.flush(),
                    return_exceptions=True,
                )
        await log.detach()
        return seen, answers  # type: ignore[return-value]  # mypy joins the types of gather

    seen, answers = run(work())
    assert all(isinstance(answer, SessionSharingError) for answer in answers), answers
    assert seen.count > 100
    assert seen.longest < 1.5  # the calls themselves waited for three seconds


def test_the_event_loop_goes_on_while_no_server_answers() -> None:
    async def work() -> Turns:
        nobody = ConnectOptions("ipv4:127.0.0.1:9", timeout=3.0)
        async with turns() as seen:
            with pytest.raises(ServerUnavailableError):
                await AsyncJsonLoggerClient("a.ndjson", connection=nobody).__aenter__()
        return seen

    seen = run(work())
    assert seen.count > 100
    assert seen.longest < 1.5


def test_a_cancelled_call_ends_at_once_and_its_record_is_written(own_logger: LoggerProcess) -> None:
    async def work() -> float:
        async with client(own_logger, "cancelled.ndjson") as log:
            await log.log_data("before", {}, {})
            with paused(own_logger.pid):
                call = asyncio.create_task(log.log_data("cancelled", {}, {}))
                await asyncio.sleep(0.1)
                began = time.monotonic()
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                took = time.monotonic() - began
            await log.log_data("after", {}, {})
        return took

    assert run(work()) < 1.0
    assert names_in(own_logger.folder / "cancelled.ndjson") == ["before", "cancelled", "after"]


def test_a_cancelled_opening_leaves_no_session(own_logger: LoggerProcess) -> None:
    async def work() -> None:
        with paused(own_logger.pid):
            opening = asyncio.create_task(client(own_logger, "open.ndjson").__aenter__())
            await asyncio.sleep(0.1)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening

    run(work())

    def can_be_created() -> bool:
        with own_logger.client("open.ndjson") as log:
            return log.new_session

    eventually(can_be_created, within=60)


def test_errors_are_those_of_the_client(logger: LoggerProcess) -> None:
    async def work() -> None:
        log = client(logger, "errors.ndjson")
        with pytest.raises(SessionSharingError, match="async with"):
            await log.log_data("a", {}, {})
        async with log:
            with pytest.raises(InvalidArgumentError, match="type object"):
                await log.log_data("a", {}, {"value": object()})
            with logger.client("errors.ndjson") as other:
                other.close()
            with pytest.raises(SessionExpiredError):
                await log.log_data("a", {}, {})
            await log.reset()
            assert await log.log_data("a", {}, {}) == 2

    run(work())


def test_a_refused_record_of_a_cancelled_call_is_reported_at_the_end(logger: LoggerProcess) -> None:
    async def work() -> None:
        async with client(logger, "ended.ndjson") as log:
            logger.client("ended.ndjson").close()
            call = asyncio.create_task(log.log_data("never", {}, {}))
            await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])

    with pytest.raises(SessionExpiredError):
        run(work())
    assert names_in(logger.folder / "ended.ndjson") == []
