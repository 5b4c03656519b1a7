"""Who may change something, and what the audit trail says about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from capabilities import needs_modes
from measurement_console.security.visitors import Visitors
from processes import eventually
from running_station import Console, Station, Visitor
from session_sharing.client import SessionSharingError
from session_sharing.places import write_private
from session_sharing.roles import ApiKey

KEYS = {
    "screen": {"key": "one", "role": "observe"},
    "station": {"key": "two", "role": "use"},
    "lead": {"key": "three", "role": "administrate"},
}


def test_without_control_nothing_can_be_changed(station: Station) -> None:
    station.start_logger()
    console = station.start_console()
    visitor = console.visit()
    with station.open_log() as log:
        assert visitor.post("/control/take").status_code == 403
        answer = visitor.post("/sessions/close", server="Logger", session=log.session_name)
        assert answer.status_code == 403
        log.log_data("still", {}, {"v": 1})
    assert "Read-only" in visitor.page("/now")


def test_who_is_in_control_closes_a_session_and_the_audit_trail_says_who(station: Station) -> None:
    station.start_logger()
    trail = station.folder / "audit.ndjson"
    console = station.start_console("--control", f"--audit={trail}")
    visitor = console.visit()
    log = station.open_log()
    with pytest.raises(SessionSharingError), log:
        eventually(lambda: "test.ndjson" in visitor.page("/sessions"))
        close = {"server": "Logger", "session": log.session_name}
        assert visitor.post("/sessions/close", **close).status_code == 403
        assert visitor.post("/control/take").status_code == 200
        assert "closed" in visitor.post("/sessions/close", **close).text
        log.log_data("after", {}, {"v": 1})
    actions = [json.loads(line) for line in trail.read_text("utf-8").splitlines()]
    assert [(one["action"], one["result"]) for one in actions] == [
        ("take", "ok"),
        ("close session", "closed"),
    ]
    assert all("browser 1" in one["who"] for one in actions)
    assert "close session test.ndjson" in visitor.page("/now")


def test_one_visitor_is_in_control_and_the_others_see_who(station: Station) -> None:
    console = station.start_console("--control")
    first, second = console.visit(), console.visit()
    first.post("/control/take")
    assert "You are in control" in first.page("/now")
    assert "In control:" in second.page("/now")
    assert "browser 1" in second.page("/now")
    with first.live("/now") as events:
        second.post("/control/take")
        assert any("browser 2" in event.data for event in _until_named(events, "browser 2"))
    assert first.post("/sessions/close", server="Logger", session="x").status_code == 403


def _until_named(events: Iterator[object], name: str) -> Iterator[object]:
    for event in events:
        yield event
        if name in str(getattr(event, "data", "")):
            return


def test_a_session_that_is_gone_is_not_closed_twice(station: Station) -> None:
    station.start_logger()
    visitor = station.start_console("--control").visit()
    visitor.post("/control/take")
    eventually(lambda: "seen since" in visitor.page("/now"))
    answer = visitor.post("/sessions/close", server="Logger", session="gone")
    assert "was not closed" in answer.text
    assert visitor.post("/sessions/close", server="other", session="gone").status_code == 404


@pytest.fixture
def on_the_network(station: Station) -> Console:
    """A console for other hosts, with TLS and keys; these tests reach it by this host's address."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    files = [station.folder / name for name in ("cert.pem", "key.pem", "keys.json")]
    certificate.cert_chain_pems[0].write_to_path(files[0])
    certificate.private_key_pem.write_to_path(files[1])
    write_private(files[2], json.dumps(KEYS))
    options = (f"--tls-certificate={files[0]}", f"--tls-key={files[1]}", f"--api-keys={files[2]}")
    console = station.start_console("--control", "--host=0.0.0.0", "--name=localhost", *options)
    assert console.address.startswith("https://localhost:")
    return console


def _sign_in(console: Console, key_id: str, key: str) -> tuple[Visitor, httpx.Response]:
    visitor = Visitor(console.address)
    data = {"id": key_id, "key": key}
    return visitor, visitor.client.post("/sign-in", data=data, headers={"Origin": console.address})


def test_the_role_of_a_key_decides_what_its_holder_may_do(
    station: Station, on_the_network: Console
) -> None:
    station.start_logger()
    with station.open_log() as log:
        close = {"server": "Logger", "session": log.session_name}
        for key_id, take, closing in (("screen", 403, 403), ("station", 200, 403)):
            visitor, answer = _sign_in(on_the_network, key_id, str(KEYS[key_id]["key"]))
            assert answer.status_code == 200
            assert "Secure" in answer.headers["set-cookie"]
            assert visitor.post("/control/take").status_code == take
            assert visitor.post("/sessions/close", **close).status_code == closing
        lead, _ = _sign_in(on_the_network, "lead", "three")
        lead.post("/control/take")
        eventually(lambda: "closed" in lead.post("/sessions/close", **close).text)
        with pytest.raises(SessionSharingError):
            log.log_data("after", {}, {"v": 1})


def test_a_wrong_key_is_refused(on_the_network: Console) -> None:
    for key_id, key in (("screen", "two"), ("nobody", "one"), ("screen", ""), ("é", "é")):
        _, answer = _sign_in(on_the_network, key_id, key)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_guessing_a_key_is_slowed_down() -> None:
    now = [0.0]
    visitors = Visitors({"screen": ApiKey("one")}, user="me", clock=lambda: now[0])
    for _ in range(5):
        assert visitors.use_key("screen", "guess") is None
    assert visitors.use_key("screen", "one") is None  # too many tries just now
    now[0] = 1.0
    assert visitors.use_key("screen", "one") is not None


def test_a_page_with_a_name_of_its_own_is_refused_on_the_network_too(
    on_the_network: Console,
) -> None:
    visitor, _ = _sign_in(on_the_network, "lead", "three")
    port = on_the_network.address.rpartition(":")[2]
    answer = visitor.client.get("/now", headers={"Host": f"evil.example:{port}"})
    assert answer.status_code == 421


def test_signing_out_ends_control_and_the_cookie(station: Station) -> None:
    visitor = station.start_console("--control").visit()
    visitor.post("/control/take")
    assert visitor.post("/sign-out").status_code == 204
    assert visitor.client.get("/now").status_code == 401


@needs_modes
def test_keys_that_others_can_read_are_refused(station: Station, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(KEYS))
    file.chmod(0o644)
    with pytest.raises(AssertionError, match="chmod 600"):
        station.start_console(f"--api-keys={file}")
