"""Many processes reserve overlapping sessions."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from capabilities import needs_callers
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as pb
from ni.measurementlink.sessionmanagement.v1.client import (
    PinMapContext,
    SessionManagementClient,
)
from pin_map_xml import connection, dmm, pin_map_xml
from platform_process import wait_until

PINS = [f"P{number}" for number in range(8)]
XML = pin_map_xml(
    instruments=[dmm(f"DMM-{pin}") for pin in PINS],
    pins=PINS,
    connections=[connection(pin, 0, f"DMM-{pin}", 0) for pin in PINS],
)


def reserved_names(client):
    response = client._get_stub().GetSessions(pb.GetSessionsRequest())
    return [one.session.name for one in response.sessions if one.session_reserved]


class Witness:
    """Record whether two reservers hold one session at the same time."""

    def __init__(self):
        self._lock = threading.Lock()
        self._held = {}
        self.violations = []

    def enter(self, names, who):
        with self._lock:
            for name in names:
                if name in self._held:
                    self.violations.append((name, self._held[name], who))
                self._held[name] = who

    def leave(self, names):
        with self._lock:
            for name in names:
                self._held.pop(name, None)


def contend(pin_map_id, witness, who, until):
    """Reserve random pins again and again. Return how often, and the longest wait."""
    choose = random.Random(who)
    rounds, longest = 0, 0.0
    with SessionManagementClient() as client:
        while not until(rounds):
            pins = choose.sample(PINS, choose.randint(1, 3))
            start = time.monotonic()
            with client.reserve_sessions(
                PinMapContext(pin_map_id, None), pins, timeout=-1
            ) as reservation:
                longest = max(longest, time.monotonic() - start)
                names = [one.session_name for one in reservation.session_info]
                assert sorted(names) == sorted(f"niDMM-DMM-{pin}" for pin in pins)
                witness.enter(names, who)
                witness.leave(names)
            rounds += 1
    return rounds, longest


def run_contention(platform, reservers, until):
    witness = Witness()
    pin_map_id = platform.load_pin_map(XML)
    with ThreadPoolExecutor(reservers) as threads:
        futures = [
            threads.submit(contend, pin_map_id, witness, who, until) for who in range(reservers)
        ]
        results = [future.result() for future in futures]
    assert witness.violations == []
    assert platform.waiting_reservations == 0
    with SessionManagementClient() as client:
        assert reserved_names(client) == []
    return results


def test_forty_reservers_take_turns_and_leave_nothing(ni_platform):
    results = run_contention(ni_platform, 40, until=lambda rounds: rounds == 5)
    assert [rounds for rounds, _ in results] == [5] * 40


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_two_hundred_reservers_for_thirty_seconds(ni_platform):
    end = time.monotonic() + 30
    results = run_contention(ni_platform, 200, until=lambda _: time.monotonic() > end)
    counts = [rounds for rounds, _ in results]
    assert min(counts) > 0.25 * sum(counts) / len(counts), "somebody starved"


RESERVER = textwrap.dedent(
    """
    import sys
    from ni.measurementlink.sessionmanagement.v1.client import PinMapContext
    from ni.measurementlink.sessionmanagement.v1.client import SessionManagementClient

    with SessionManagementClient() as client:
        client.reserve_all_registered_sessions()  # connects before the queue forms
        print("connected", flush=True)
        sys.stdin.readline()
        context = PinMapContext(sys.argv[1], None)
        with client.reserve_sessions(context, sys.argv[2:], timeout=-1):
            print("reserved", flush=True)
        print("done", flush=True)
    """
)


def start_reservers(platform, pin_map_id, count):
    """Start processes that reserve when they get a line."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RESERVER, pin_map_id, "P0", f"P{1 + number % 7}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=platform.environment(),
        )
        for number in range(count)
    ]
    for process in processes:
        assert process.stdout.readline() == "connected\n"
    return processes


def check_killed_waiters(platform, count):
    pin_map_id = platform.load_pin_map(XML)
    processes = start_reservers(platform, pin_map_id, count)
    with SessionManagementClient() as client:
        with client.reserve_sessions(PinMapContext(pin_map_id, None), ["P0"]):
            for number, process in enumerate(processes):
                process.stdin.write("\n")
                process.stdin.flush()
                wait_until(lambda number=number: platform.waiting_reservations == number + 1)
            killed, survivors = processes[::2], processes[1::2]
            for process in killed:
                process.kill()
            for process in killed:
                process.wait()
        for process in survivors:
            assert process.communicate(timeout=120)[0] == "reserved\ndone\n"
        assert platform.waiting_reservations == 0
        assert reserved_names(client) == []


@needs_callers
def test_waiters_killed_by_sigkill_leave_the_queue_to_the_others(ni_platform):
    check_killed_waiters(ni_platform, 6)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_forty_waiters_half_of_them_killed_over_and_over(ni_platform):
    for _ in range(3):
        check_killed_waiters(ni_platform, 40)


def test_a_waiter_whose_call_is_cancelled_leaves_at_once(ni_platform):
    pin_map_id = ni_platform.load_pin_map(XML)
    context = PinMapContext(pin_map_id, None)
    with SessionManagementClient() as client:
        with client.reserve_sessions(context, ["P0"]):
            request = pb.ReserveSessionsRequest(
                pin_map_context=context._to_grpc(),
                pin_or_relay_names=["P0"],
                timeout_in_milliseconds=-1,
            )
            call = client._get_stub().ReserveSessions.future(request)
            wait_until(lambda: ni_platform.waiting_reservations == 1)
            call.cancel()
            wait_until(lambda: ni_platform.waiting_reservations == 0, timeout=2)
        assert reserved_names(client) == []


def test_reservers_are_served_in_the_order_in_which_they_came(ni_platform):
    context = PinMapContext(ni_platform.load_pin_map(XML), None)
    order = []

    def reserve(who):
        with (
            SessionManagementClient() as client,
            client.reserve_sessions(context, ["P0"], timeout=10),
        ):
            order.append(who)

    with (
        ThreadPoolExecutor(5) as threads,
        SessionManagementClient() as client,
        client.reserve_sessions(context, ["P0"]),
    ):
        for who in range(5):
            threads.submit(reserve, who)
            wait_until(lambda who=who: ni_platform.waiting_reservations == who + 1)
    assert order == [0, 1, 2, 3, 4]
