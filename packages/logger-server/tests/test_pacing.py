"""A slow disk does not delay the event loop, and callers at the same time share a write."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest
from inline import ManualClock
from json_logger_server.batch import PendingBatch
from json_logger_server.json_log import Durability, JsonLog, Totals
from json_logger_server.pacing import (
    CROWDED_FOR,
    LARGE_GROUP,
    MOST_TURNS,
    QUICK_FOR,
    QUIET_TURNS,
    SLOW_FOR,
    SLOW_WRITE,
    WritePacing,
)
from json_logger_server.processor import in_turns, times_waited
from json_logger_server.records import Record
from json_logger_server.storage.log_file import LogFile


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pacing(clock: ManualClock) -> WritePacing:
    return WritePacing(durable=False, clock=clock, waited=lambda: None)


def write(pacing: WritePacing, clock: ManualClock, seconds: float = 0.0) -> None:
    pacing.begin_write()
    clock.advance(seconds)
    pacing.end_write()


def test_the_first_write_is_made_in_a_thread_and_the_next_in_the_loop(
    pacing: WritePacing, clock: ManualClock
) -> None:
    assert not pacing.may_block_the_loop(100)
    write(pacing, clock)
    assert pacing.may_block_the_loop(100)


def test_after_a_pause_a_thread_writes_because_the_disk_may_be_offline(
    pacing: WritePacing, clock: ManualClock
) -> None:
    write(pacing, clock)
    clock.advance(QUICK_FOR * 0.9)
    assert pacing.may_block_the_loop(100)
    write(pacing, clock)
    clock.advance(QUICK_FOR * 1.1)
    assert not pacing.may_block_the_loop(100)


def test_after_a_slow_write_threads_write_for_a_while_even_if_they_are_quick(
    pacing: WritePacing, clock: ManualClock
) -> None:
    write(pacing, clock, SLOW_WRITE * 2)
    end = clock.now + SLOW_FOR
    while clock.now < end:
        assert not pacing.may_block_the_loop(100)
        clock.advance(QUICK_FOR / 4)
        write(pacing, clock)
    clock.advance(QUICK_FOR / 4)
    assert pacing.may_block_the_loop(100)


def test_each_slow_write_starts_the_slow_time_again(
    pacing: WritePacing, clock: ManualClock
) -> None:
    write(pacing, clock, SLOW_WRITE * 2)
    clock.advance(SLOW_FOR * 0.9)
    write(pacing, clock, SLOW_WRITE * 2)
    clock.advance(SLOW_FOR * 0.9)
    write(pacing, clock)
    assert not pacing.may_block_the_loop(100)


def test_a_write_of_exactly_the_limit_is_not_slow(pacing: WritePacing, clock: ManualClock) -> None:
    write(pacing, clock, SLOW_WRITE * 0.9)
    assert pacing.may_block_the_loop(100)


def test_a_write_is_not_slow_if_other_programs_used_the_processor(clock: ManualClock) -> None:
    waited = 7
    pacing = WritePacing(durable=False, clock=clock, waited=lambda: waited)
    write(pacing, clock, SLOW_WRITE * 2)
    assert pacing.may_block_the_loop(100)
    pacing.begin_write()
    clock.advance(SLOW_WRITE * 2)
    waited += 1
    pacing.end_write()
    assert not pacing.may_block_the_loop(100)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not count it")
def test_a_thread_that_waits_is_counted_and_one_that_works_is_not() -> None:
    def waits(work: Callable[[], object]) -> int:
        before = times_waited()
        work()
        after = times_waited()
        assert before is not None
        assert after is not None
        return after - before

    assert min(waits(lambda: sum(range(1000))) for _ in range(100)) == 0
    assert min(waits(lambda: time.sleep(0.001)) for _ in range(10)) > 0


def test_long_work_in_turns_has_all_its_parts_in_order() -> None:
    assert [*in_turns(range(5))] == [*range(5)]


def test_a_large_group_is_written_in_a_thread(pacing: WritePacing, clock: ManualClock) -> None:
    write(pacing, clock)
    assert pacing.may_block_the_loop(LARGE_GROUP)
    assert not pacing.may_block_the_loop(LARGE_GROUP + 1)


def test_durable_writes_are_made_in_threads_only(clock: ManualClock) -> None:
    pacing = WritePacing(durable=True, clock=clock)
    write(pacing, clock)
    assert not pacing.may_block_the_loop(100)


def turns_of_group(pacing: WritePacing, *, next_batch_after: int = 0) -> int:
    """Return for how many turns a group waits.

    Args:
        pacing: The pacing of the log.
        next_batch_after: Turns after each batch in which the next one comes; 0 for a single batch.
    """
    pacing.begin_group()
    turns = 1
    while pacing.waits_for_others():
        if next_batch_after and turns % next_batch_after == 0:
            pacing.note_batch()
        turns += 1
    return turns


def test_a_single_caller_is_served_at_once(pacing: WritePacing) -> None:
    assert turns_of_group(pacing) == 1
    pacing.note_group(1)
    assert turns_of_group(pacing) == 1


def test_groups_wait_for_others_until_only_single_callers_came_for_long(
    pacing: WritePacing,
) -> None:
    pacing.note_group(2)
    for _ in range(CROWDED_FOR):
        assert turns_of_group(pacing) == QUIET_TURNS
        pacing.note_group(1)
    assert turns_of_group(pacing) == 1


def test_groups_wait_for_others_when_a_client_does_not_wait_for_answers(
    pacing: WritePacing,
) -> None:
    pacing.expect_others()
    assert turns_of_group(pacing) == QUIET_TURNS


def test_a_group_waits_as_long_as_batches_come_close_together(pacing: WritePacing) -> None:
    pacing.note_group(2)
    assert turns_of_group(pacing, next_batch_after=QUIET_TURNS) == QUIET_TURNS
    assert turns_of_group(pacing, next_batch_after=QUIET_TURNS - 1) == MOST_TURNS


def test_batches_of_a_client_that_does_not_wait_for_answers_share_a_write(tmp_path: Path) -> None:
    async def run() -> None:
        may_write, writer, totals = threading.Event(), ThreadPoolExecutor(1), Totals()
        writer.submit(may_write.wait)
        handle = os.open(tmp_path / "a.log", os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0))
        file = LogFile(handle, tmp_path / "a.log")
        log = JsonLog(file, asyncio.get_running_loop(), Durability.FLUSHED, writer, totals)
        sent = await send_ahead(log, 1, None)
        sent = await send_ahead(log, 2, sent)
        may_write.set()
        await sent.outcome()
        assert totals.groups == 2, "the thread wrote the first batch alone"
        for number in range(3, MOST_TURNS // 4):
            sent = await send_ahead(log, number, sent)
        await sent.outcome()
        assert totals.groups == 3
        await asyncio.to_thread(log.close)

    asyncio.run(run())


async def send_ahead(log: JsonLog, number: int, before: PendingBatch | None) -> PendingBatch:
    """Append a batch, and let the event loop turn."""
    values = msgspec.Raw(b"{}")
    record = Record(datetime(2026, 1, 1, tzinfo=timezone.utc), "m", values, values)
    batch = PendingBatch([record], "client", number, after=before)
    log.append(batch)
    for _ in range(3):
        await asyncio.sleep(0)
    return batch
