"""Many sessions from many threads: no wrong value, no lost session. Time is real here."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import nidcpower
import pytest
from device_sim import SystemClock

SESSIONS = 16
CHANNELS = 12
THREADS = 8


@pytest.fixture
def clock():
    return SystemClock()


def level(session: int, channel: int, turn: int) -> float:
    return session + channel / 100.0 + (turn % 7) / 1000.0


def exercise(sessions: list[nidcpower.Session], until: float) -> int:
    """Set, source and measure every channel of some sessions, again and again."""
    turns = 0
    while turns == 0 or time.monotonic() < until:
        for number, session in enumerate(sessions):
            for channel in range(CHANNELS):
                session.channels[str(channel)].voltage_level = level(number, channel, turns)
            with session.initiate():
                session.wait_for_event(nidcpower.Event.SOURCE_COMPLETE)
                measured = session.measure_multiple()
            expected = [level(number, channel, turns) for channel in range(CHANNELS)]
            assert [m.voltage for m in measured] == expected
            assert [m.current for m in measured] == [1e-5] * CHANNELS
        turns += 1
    return turns


def run(channel: grpc.Channel, open_dcpower, server, seconds: float) -> None:
    sessions = [
        open_dcpower(f"SMU{number}", model="4162", name=f"s{number}") for number in range(SESSIONS)
    ]
    for session in sessions:
        session.source_delay = 0.0
        session.aperture_time = 0.0
    shares = [sessions[start::THREADS] for start in range(THREADS)]
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(THREADS) as pool:
        turns = list(pool.map(lambda share: exercise(share, until), shares))
    assert all(turns)
    assert {info.name for info in server.sessions} == {f"s{n}" for n in range(SESSIONS)}
    assert all(len(info.channels) == CHANNELS for info in server.sessions)


def test_many_sessions_from_many_threads(channel, open_dcpower, server):
    run(channel, open_dcpower, server, seconds=1.0)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_many_sessions_from_many_threads_for_long(channel, open_dcpower, server):
    run(channel, open_dcpower, server, seconds=30.0)


def test_racing_clients_make_one_session(channel, server):
    barrier = threading.Barrier(THREADS)

    def open_once(_: int) -> bool:
        options = nidcpower.GrpcSessionOptions(channel, "shared")
        barrier.wait()
        session = nidcpower.Session("SMU1", options="Simulate=1", grpc_options=options)
        return session._interpreter._close_on_exit

    with ThreadPoolExecutor(THREADS) as pool:
        created = list(pool.map(open_once, range(THREADS)))
    assert created.count(True) == 1
    assert [info.name for info in server.sessions] == ["shared"]


def test_the_same_call_from_several_threads_is_safe(open_dcpower):
    session = open_dcpower("Dev1/0:3, Dev2/0:3", model="4162")
    with ThreadPoolExecutor(THREADS) as pool:
        for method in ("initiate", "commit", "abort", "reset"):
            list(pool.map(lambda _, m=method: getattr(session, m)(), range(2 * THREADS)))


def test_one_session_answers_others_while_one_of_them_waits(open_dcpower):
    session = open_dcpower("SMU1/0", name="mine")
    session.source_delay = 0.5
    session.initiate()
    # A second client of the same session; the first one's lock is its own.
    other = open_dcpower("SMU1/0", name="mine")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(session.wait_for_event, nidcpower.Event.SOURCE_COMPLETE)
        assert other.source_delay.total_seconds() == 0.5
        assert not waiting.done()
        waiting.result(timeout=60)
