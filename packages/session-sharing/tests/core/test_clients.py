"""Clients are known by their secret, and their attachments end when they expire."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline import World
from session_sharing.core.clients import Clients, client_id
from session_sharing.core.errors import InvalidArgumentError, SessionExpiredError
from session_sharing.core.events import EventType
from session_sharing.core.sessions import Expiry, OpenRequest

SECRET = b"0123456789abcdef"
REQUEST = OpenRequest("probe", "r")


def test_a_client_that_comes_back_within_its_grace_keeps_its_attachments() -> None:
    world = World()
    clients = Clients(world.registry)
    client, resumed = clients.hold(SECRET, window=2.0)
    assert not resumed
    opened = clients.open(SECRET, REQUEST).result()
    assert opened.attachment

    clients.release(client)
    world.pass_time(0.99)
    again, resumed = clients.hold(SECRET, window=2.0)
    world.pass_time(1000)

    assert resumed and again is client
    assert world.registry.attachment(opened.attachment.id) is opened.attachment


def test_a_client_that_does_not_come_back_loses_its_attachments_after_its_grace() -> None:
    world = World()
    clients = Clients(world.registry)
    client, _ = clients.hold(SECRET, window=2.0)
    opened = clients.open(SECRET, REQUEST).result()
    assert opened.attachment

    clients.release(client)
    world.pass_time(1.0)

    with pytest.raises(SessionExpiredError):
        world.registry.attachment(opened.attachment.id)
    assert world.released == [("abandon", "r")]
    types = [event.type for event in world.registry.events.since(1)[0]]
    assert types == [EventType.OPENED, EventType.EXPIRED, EventType.CLOSED]
    _, resumed = clients.hold(SECRET, window=2.0)
    assert not resumed


def test_a_client_that_comes_back_too_late_learns_once_why_it_expired() -> None:
    world = World()
    clients = Clients(world.registry)
    client, _ = clients.hold(SECRET, window=2.0, principal="ann")
    clients.open(SECRET, replace(REQUEST, principal="ann")).result()
    clients.release(client)
    world.pass_time(1.0)

    foreign, _ = clients.hold(SECRET, window=2.0, principal="ben")
    back, _ = clients.hold(SECRET, window=2.0, principal="ann")
    assert (foreign.expiry, back.expiry) == (None, Expiry("silent for more than 1 s", 1))

    clients.release(back)
    later, _ = clients.hold(SECRET, window=2.0, principal="ann")
    assert later.expiry is None


def test_how_clients_ended_is_not_remembered_for_ever() -> None:
    world = World()
    clients = Clients(world.registry)
    for number in range(1_001):
        client, _ = clients.hold(number.to_bytes(16, "big"), window=2.0)
        clients.open(number.to_bytes(16, "big"), replace(REQUEST, resource=f"{number}")).result()
        clients.release(client)
        world.pass_time(1.0)

    returned = [clients.hold(number.to_bytes(16, "big"), 2.0)[0] for number in (0, 1)]
    assert [client.expiry is None for client in returned] == [True, False]


def test_a_client_that_begins_twice_is_one_client_until_its_last_stream_ends() -> None:
    world = World()
    clients = Clients(world.registry)
    first, _ = clients.hold(SECRET, window=2.0)
    second, resumed = clients.hold(SECRET, window=2.0)
    assert first is second and resumed
    clients.open(SECRET, REQUEST).result()

    clients.release(first)
    world.pass_time(1000)
    assert len(world.registry.sessions()) == 1
    clients.release(second)
    world.pass_time(1.0)
    assert world.registry.sessions() == []


def test_the_same_secret_from_another_identity_is_another_client() -> None:
    clients = Clients(World().registry)
    mine, _ = clients.hold(SECRET, window=2.0, principal="ann")
    theirs, resumed = clients.hold(SECRET, window=2.0, principal="ben")

    assert mine is not theirs and not resumed


def test_a_repeated_open_takes_effect_once() -> None:
    world = World()
    clients = Clients(world.registry)
    clients.hold(SECRET, window=2.0)
    first = clients.open(SECRET, REQUEST, "request-1").result()
    again = clients.open(SECRET, REQUEST, "request-1").result()

    assert again is first and again.new_session
    assert len(first.session.attachments) == 1


def test_a_client_without_a_stream_stays_present_by_its_calls() -> None:
    world = World()
    clients = Clients(world.registry)
    opened = clients.open(SECRET, REQUEST, by_calls=True).result()
    assert opened.attachment
    for _ in range(10):
        world.pass_time(50)
        world.registry.attachment(opened.attachment.id)

    world.pass_time(61)
    with pytest.raises(SessionExpiredError):
        world.registry.attachment(opened.attachment.id)


def test_a_client_without_a_stream_that_does_not_say_so_is_not_present() -> None:
    with pytest.raises(SessionExpiredError):
        Clients(World().registry).open(SECRET, REQUEST)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        Clients(World().registry).hold(b"short", window=2.0)


def test_windows_stay_within_the_servers_range() -> None:
    clients = Clients(World().registry)
    for number, (wanted, granted) in enumerate([(0.0, 2.0), (0.001, 0.5), (1e9, 60.0), (7.0, 7.0)]):
        client, _ = clients.hold(bytes([number]) * 16, wanted)
        assert client.window == granted


def test_a_thousand_clients_that_end_together_all_end() -> None:
    world = World()
    clients = Clients(world.registry)
    held = []
    for number in range(1000):
        secret = number.to_bytes(16, "big")
        held.append(clients.hold(secret, window=2.0)[0])
        clients.open(secret, OpenRequest("probe", f"r{number}")).result()
    for client in held:
        clients.release(client)

    world.pass_time(1.0)
    assert world.registry.sessions() == []
    assert len(clients) == 0


def test_a_clients_public_name_hides_its_secret_and_never_changes() -> None:
    assert client_id(SECRET) == client_id(SECRET)
    assert SECRET.hex() not in client_id(SECRET)


def test_a_client_with_an_unanswered_open_has_its_grace_when_its_stream_breaks() -> None:
    world = World()
    clients = Clients(world.registry)
    client, _ = clients.hold(SECRET, window=2.0)
    world.executor.held = True
    answer = clients.open(SECRET, REQUEST, "request-1")
    clients.release(client)
    world.executor.held = False
    world.executor.run()
    _, resumed = clients.hold(SECRET, window=2.0)

    assert resumed
    assert answer.result(0).attachment is not None


def test_an_open_whose_caller_gave_up_is_undone_unless_it_is_repeated() -> None:
    world = World()
    clients = Clients(world.registry)
    clients.hold(SECRET, window=2.0)
    abandoned = clients.open(SECRET, REQUEST, "request-1")
    repeated = clients.open(SECRET, OpenRequest("probe", "s"), "request-2")
    clients.caller_left(abandoned)
    clients.caller_left(repeated)
    assert clients.open(SECRET, OpenRequest("probe", "s"), "request-2") is repeated

    world.pass_time(2.1)

    assert [session.request.resource for session in world.registry.sessions()] == ["s"]
    assert clients.open(SECRET, REQUEST, "request-1").result(0).new_session


def test_an_open_whose_caller_gave_up_is_undone_even_when_it_succeeds_later() -> None:
    world = World()
    clients = Clients(world.registry)
    clients.hold(SECRET, window=2.0)
    world.executor.held = True
    clients.caller_left(clients.open(SECRET, REQUEST, "request-1"))
    world.pass_time(2.1)
    world.executor.held = False
    world.executor.run()

    assert world.registry.sessions() == []


def test_an_open_that_was_cancelled_while_it_waited_is_carried_out_when_repeated() -> None:
    world = World()
    clients = Clients(world.registry)
    clients.hold(SECRET, window=2.0)
    world.executor.held = True
    assert clients.open(SECRET, REQUEST, "request-1").cancel()
    again = clients.open(SECRET, REQUEST, "request-1")
    world.executor.held = False
    world.executor.run()

    assert again.result(0).new_session
    assert len(again.result(0).session.attachments) == 1


def test_opening_more_keeps_a_client_without_a_stream() -> None:
    world = World()
    clients = Clients(world.registry)
    first = clients.open(SECRET, REQUEST, by_calls=True).result()
    assert first.attachment
    for number in range(4):
        world.pass_time(50)
        clients.open(SECRET, OpenRequest("probe", f"r{number}"), by_calls=True).result()

    assert world.registry.attachment(first.attachment.id) is first.attachment


def test_an_expiry_that_runs_late_does_not_end_a_client_that_came_back() -> None:
    world = World()
    clients = Clients(world.registry)
    client, _ = clients.hold(SECRET, window=2.0)
    clients.open(SECRET, REQUEST).result()
    clients.release(client)
    old_lease = client.lease
    assert old_lease is not None
    clients.hold(SECRET, window=2.0)
    clients.release(client)

    old_lease.on_expiry()

    assert len(world.registry.sessions()) == 1


def test_a_long_request_id_is_refused_rather_than_remembered() -> None:
    clients = Clients(World().registry)
    clients.hold(SECRET, window=2.0)
    with pytest.raises(InvalidArgumentError):
        clients.open(SECRET, REQUEST, "x" * 257)


def test_a_caller_that_leaves_does_not_take_the_answer_from_another_caller() -> None:
    world = World()
    clients = Clients(world.registry)
    clients.hold(SECRET, window=2.0)
    world.executor.held = True
    lost = clients.open(SECRET, REQUEST, "request-1")
    repeated = clients.open(SECRET, REQUEST, "request-1")
    clients.caller_left(lost)  # its broken connection is noticed after the client came back
    world.executor.held = False
    world.executor.run()
    world.pass_time(10)

    assert repeated.result(0).attachment is not None
    assert len(world.registry.sessions()) == 1
