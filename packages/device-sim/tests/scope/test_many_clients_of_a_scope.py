"""Many clients of digitizers at once, and clients that die."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import niscope
import pytest
from capabilities import needs_whole_sends

CLIENTS = 32
SESSIONS = 64

Behavior = niscope.SessionInitializationBehavior


def test_racing_clients_make_one_session(channel, server):
    barrier = threading.Barrier(CLIENTS)

    def open_once(_: int) -> bool:
        options = niscope.GrpcSessionOptions(channel, "shared")
        barrier.wait()
        session = niscope.Session("SCOPE1", options="Simulate=1", grpc_options=options)
        return session._interpreter._close_on_exit

    with ThreadPoolExecutor(CLIENTS) as pool:
        created = list(pool.map(open_once, range(CLIENTS)))
    assert created.count(True) == 1
    assert [info.name for info in server.sessions] == ["shared"]


def test_racing_clients_fetch_the_same_waveform(open_scope):
    open_scope(name="shared").initiate()
    scopes = [
        open_scope(name="shared", behavior=Behavior.ATTACH_TO_SERVER_SESSION)
        for _ in range(CLIENTS)
    ]
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(lambda scope: list(scope.fetch()[0].samples), scopes))
    assert all(samples == found[0] for samples in found)


def test_clients_that_attach_leave_the_session_and_its_maker_closes_it(open_scope, server):
    with open_scope(name="mine", behavior=Behavior.INITIALIZE_SERVER_SESSION):
        with open_scope(name="mine", behavior=Behavior.ATTACH_TO_SERVER_SESSION) as other:
            other.initiate()
        assert [info.name for info in server.sessions] == ["mine"]
    assert not server.sessions
    with pytest.raises(niscope.Error):
        open_scope(name="mine", behavior=Behavior.ATTACH_TO_SERVER_SESSION)


def test_an_empty_name_means_a_new_session(open_scope, server):
    open_scope()
    open_scope()
    assert len({info.name for info in server.sessions}) == 2


def test_many_sessions_at_once(open_scope, server):
    scopes = [open_scope(f"SCOPE{n}", model="5171R (8CH)") for n in range(SESSIONS)]

    def use(scope) -> int:
        scope.configure_vertical(1.0, niscope.VerticalCoupling.DC)
        with scope.initiate():
            return sum(len(each.samples) for each in scope.fetch())

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(use, scopes)) == {8 * 1000}
    assert len(server.sessions) == SESSIONS


class TestKilledClient:
    """A client that dies while it waits for a record."""

    @pytest.fixture
    def clock(self):
        return None

    def test_it_leaves_the_session_to_others(self, address, open_scope):
        scope = open_scope(name="shared")
        scope.min_sample_rate = 1.0
        scope.horz_min_num_pts = 100_000  # more than a day
        scope.initiate()
        code = (
            "import grpc, niscope\n"
            f"channel = grpc.insecure_channel({address!r})\n"
            "options = niscope.GrpcSessionOptions(channel, 'shared')\n"
            "scope = niscope.Session('SCOPE1', grpc_options=options)\n"
            "print('waits', flush=True)\n"
            "scope.fetch(timeout=-1.0)\n"
        )
        client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        with client:
            assert client.stdout.readline() == "waits\n"
            client.kill()
        assert scope.acquisition_status() is niscope.AcquisitionStatus.IN_PROGRESS
        scope.abort()
        scope.min_sample_rate = 1e6
        scope.horz_min_num_pts = 1000
        with scope.initiate():
            assert len(scope.fetch()[0].samples) == 1000


@needs_whole_sends
def test_a_waveform_larger_than_a_plain_message_is_fetched(address):
    unlimited = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(address, options=unlimited) as channel:
        options = niscope.GrpcSessionOptions(channel, "")
        with niscope.Session("SCOPE1", options="Simulate=1", grpc_options=options) as scope:
            scope.configure_horizontal_timing(1e9, 1_000_000, 50.0, 1, True)
            with scope.initiate():
                (found,) = scope.channels["0"].fetch()
    assert len(found.samples) == 1_000_000
