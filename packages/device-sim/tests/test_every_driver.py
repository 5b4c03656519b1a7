"""What every driver promises: sessions by name, refusals, and clients that race or die.

A new driver is covered by itself. Time is real here.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import psutil
import pytest
from device_process import running_device_sim
from device_sim import DeviceServer, ManualClock, SystemClock, coverage
from device_sim.coverage.report import Depth
from driver_client import (
    close_session,
    harmless,
    invalid_session,
    invoke,
    not_served,
    open_session,
    request_for,
    verdict,
)
from every_driver import DRIVERS

AUTO, NEW, ATTACH = range(3)
CLIENTS = 32
SESSIONS = 64
PATIENCE = 60.0

REPORTS = {report.driver: report for report in coverage.reports()}

every_driver = pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda d: d.name)


@pytest.fixture
def clock():
    return SystemClock()


def refusal(action):
    with pytest.raises(grpc.RpcError) as caught:
        action()
    return verdict(caught.value)


@every_driver
def test_clients_that_race_for_a_name_share_one_session(driver, channel, server):
    barrier = threading.Barrier(CLIENTS)

    def race(_: int) -> tuple[str, bool]:
        barrier.wait()
        return open_session(channel, driver, "shared")

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(race, range(CLIENTS)))
        assert sorted(answers) == [("shared", False)] * (CLIENTS - 1) + [("shared", True)]
        ends = list(pool.map(lambda _: close_session(channel, driver, "shared"), range(CLIENTS)))
    assert [code for _, code, _ in ends].count(0) == 1
    assert [code for _, code, _ in ends].count(invalid_session(driver)) == CLIENTS - 1
    assert server.sessions == []


@every_driver
def test_clients_that_race_to_open_and_close_get_only_answers_of_the_protocol(
    driver, channel, server
):
    def turn(number: int) -> list[grpc.StatusCode]:
        behavior = number % 3
        try:
            open_session(channel, driver, "shared", behavior)
            opened = grpc.StatusCode.OK
        except grpc.RpcError as error:
            opened = error.code()
        return [opened, close_session(channel, driver, "shared")[0]]

    with ThreadPoolExecutor(CLIENTS) as pool:
        codes = {code for codes in pool.map(turn, range(10 * CLIENTS)) for code in codes}
    assert codes <= {
        grpc.StatusCode.OK,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNKNOWN,  # the driver's own error: the session is closed
    }
    close_session(channel, driver, "shared")
    assert server.sessions == []


@every_driver
def test_a_session_is_attached_to_and_left_until_someone_closes_it(
    driver, channel, server, address
):
    missing = refusal(lambda: open_session(channel, driver, "s", ATTACH))
    assert missing[0] is grpc.StatusCode.FAILED_PRECONDITION
    assert open_session(channel, driver, "s", NEW) == ("s", True)
    assert refusal(lambda: open_session(channel, driver, "s", NEW))[0] is (
        grpc.StatusCode.ALREADY_EXISTS
    )
    with grpc.insecure_channel(address) as other:
        assert open_session(other, driver, "s", ATTACH) == ("s", False)
    assert [info.name for info in server.sessions] == ["s"]  # after the other client has left
    assert close_session(channel, driver, "s")[0] is grpc.StatusCode.OK
    assert close_session(channel, driver, "s")[1] == invalid_session(driver)


@every_driver
def test_a_name_belongs_to_one_driver(driver, channel):
    open_session(channel, driver, "mine")
    for other in DRIVERS.values():
        if other is driver:
            continue
        for behavior in (AUTO, NEW, ATTACH):
            answer = refusal(lambda o=other, b=behavior: open_session(channel, o, "mine", b))
            assert answer[0] is grpc.StatusCode.INVALID_ARGUMENT
            assert '"mine" is being used by a different driver' in answer[2]
        for rpc in (harmless(other), other.folder.closer):
            request = request_for(other, rpc, "mine")
            assert invoke(channel, other, rpc, request)[1] == invalid_session(other)
    rpc = harmless(driver)
    assert invoke(channel, driver, rpc, request_for(driver, rpc, "mine"))[1] == 0


@every_driver
def test_many_sessions_are_open_at_once(driver, channel, server):
    with ThreadPoolExecutor(CLIENTS) as pool:
        opened = list(
            pool.map(lambda n: open_session(channel, driver, device=f"Dev{n}"), range(SESSIONS))
        )
        names = {name for name, created in opened if created}
        assert len(names) == len(server.sessions) == SESSIONS
        rpc = harmless(driver)
        resets = pool.map(
            lambda name: invoke(channel, driver, rpc, request_for(driver, rpc, name)), names
        )
        assert {answer[:2] for answer in resets} == {(grpc.StatusCode.OK, 0)}
        ends = pool.map(lambda name: close_session(channel, driver, name), names)
        assert {answer[:2] for answer in ends} == {(grpc.StatusCode.OK, 0)}
    assert server.sessions == []


@every_driver
def test_what_is_not_simulated_is_refused_with_the_drivers_own_error(driver, channel):
    open_session(channel, driver, "s")
    refused = [c.name for c in REPORTS[driver.name].calls if c.depth is Depth.REFUSED]
    assert refused
    for rpc in refused:
        status, code, details = invoke(channel, driver, rpc, request_for(driver, rpc, "s"))
        assert (status, code) == (grpc.StatusCode.UNKNOWN, not_served(driver)), rpc
        assert f"Not simulated: {rpc}" in details


WAITING_CLIENT = """
import sys, grpc
address, path, request, calls = sys.argv[1:]
channel = grpc.insecure_channel(address)
call = channel.unary_unary(path)
waiting = [call.future(bytes.fromhex(request), wait_for_ready=True) for _ in range(int(calls))]
grpc.channel_ready_future(channel).result()
print("waiting", flush=True)
waiting[0].result()
"""


@pytest.fixture
def waiting_client(address) -> Iterator:
    """Return a function that starts a client process with many waiting calls."""
    clients = []

    def start(driver, rpc: str, name: str, calls: int) -> subprocess.Popen[str]:
        request = request_for(driver, rpc, name).SerializeToString().hex()
        path = f"/{driver.interface}/{rpc}"
        client = subprocess.Popen(
            [sys.executable, "-c", WAITING_CLIENT, address, path, request, str(calls)],
            stdout=subprocess.PIPE,
            text=True,
        )
        clients.append(client)
        assert client.stdout is not None
        assert client.stdout.readline() == "waiting\n"
        return client

    yield start
    for client in clients:
        client.kill()
        client.wait()
        client.stdout.close()


@every_driver
def test_a_client_that_is_killed_while_its_calls_wait_takes_nothing_with_it(
    driver, channel, server, waiting_client
):
    open_session(channel, driver, "hung", device="Dev1")
    open_session(channel, driver, "free", device="Dev2")
    server.faults.stop_answering("Dev1")
    rpc = harmless(driver)
    for _ in range(2):  # together more calls than the server has threads
        client = waiting_client(driver, rpc, "hung", 300)
        client.kill()
        client.wait()
    assert invoke(channel, driver, rpc, request_for(driver, rpc, "free"))[1] == 0
    server.faults.clear()
    assert invoke(channel, driver, rpc, request_for(driver, rpc, "hung"))[1] == 0
    for name in ("hung", "free"):
        assert close_session(channel, driver, name)[1] == 0
    assert server.sessions == []


@every_driver
def test_calls_that_do_not_use_the_bench_answer_the_same_on_one(driver, bench_file):
    wiring = "\n".join(
        f'[[connect]]\nchannel = "Dev1/{name}"\nhi = "net"\n'
        for name in driver.folder.models.channel_names(driver.folder.models.default)[:1]
    )
    wiring += '\n[[part]]\nname = "V"\nkind = "source"\na = "net"\nb = "GND"\n'
    wiring += "voltage = 0.7\nresistance = 50.0\n"
    answers = []
    for bench in (None, bench_file(wiring)):
        server = DeviceServer(bench, clock=ManualClock())
        with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
            open_session(channel, driver, "s")
            answers.append(
                {
                    call.name: invoke(
                        channel, driver, call.name, request_for(driver, call.name, "s")
                    )
                    for call in REPORTS[driver.name].calls
                    if call.depth is Depth.SIMULATION
                    and call.name not in (*driver.folder.initialisers, driver.folder.closer)
                    and "File" not in call.name
                }
            )
        server.stop()
    assert answers[0] == answers[1]


@every_driver
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.soak)])
def test_closed_sessions_leave_no_memory_behind(driver, count, tmp_path):
    with (
        running_device_sim(tmp_path) as served,
        grpc.insecure_channel(served.address) as channel,
    ):

        def use(sessions: int) -> int:
            rpc = harmless(driver)
            for _ in range(sessions):
                name, _ = open_session(channel, driver)
                assert invoke(channel, driver, rpc, request_for(driver, rpc, name))[1] == 0
                close_session(channel, driver, name)
            return psutil.Process(served.process.pid).memory_info().rss

        before = use(300)
        grown = use(count) - before
    assert grown < 6 << 20, f"{count} sessions left {grown >> 10} KiB behind"
