"""What strangers, other web pages and hostile names cannot do."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from processes import eventually
from running_station import Console, Program, Station, Visitor

PAGES = ("/now", "/sessions", "/records", "/stations")
_MANY = 1000
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE x; --",
    "\u202etxt.exe\u202c",
    "</template></hx-partial><script>alert(2)</script>",
    "x" * 10_000,
    "{{ 7 * 7 }}",
)


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    """A console that all tests share: none of them may harm it."""
    with Station() as station:
        yield station.start_console("--control")


@pytest.fixture(scope="module")
def logger(console: Console) -> Program:
    return console.station.start_logger()


@pytest.fixture
def visitor(console: Console) -> Iterator[Visitor]:
    found = console.visit()
    yield found
    console.check_unharmed()
    assert "Read-only" not in found.page("/now")


@pytest.mark.parametrize("path", [*PAGES, "/", "/live/now", "/records/download?log=x"])
def test_without_a_link_nothing_of_the_station_is_shown(console: Console, path: str) -> None:
    answer = httpx.get(console.address + path, trust_env=False)
    assert answer.status_code == 401
    assert "measurement-console link" in answer.text


def test_a_link_works_once(console: Console) -> None:
    console.visit(console.link)
    again = httpx.get(console.link, trust_env=False)
    assert again.status_code == 403
    assert "set-cookie" not in again.headers


def test_another_link_lets_another_browser_in(console: Console) -> None:
    first = console.visit()
    second = console.visit(console.new_link())
    assert first.csrf() != second.csrf()


def test_a_link_needs_the_secret_of_the_state_file(console: Console) -> None:
    for value in ("", "Bearer", "Bearer wrong"):
        answer = httpx.post(
            f"{console.address}/link", headers={"Authorization": value}, trust_env=False
        )
        assert answer.status_code == 403


def test_the_cookie_is_for_this_console_only_and_no_script_can_read_it(console: Console) -> None:
    cookie = httpx.get(console.new_link(), trust_env=False).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert console.address.rpartition(":")[2] in cookie.partition("=")[0]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "", "[", "a b"]
)
def test_a_foreign_host_name_is_refused(console: Console, visitor: Visitor, host: str) -> None:
    """A page whose name was bound to this host (DNS rebinding) sends its own name."""
    port = console.address.rpartition(":")[2]
    answer = visitor.client.get("/now", headers={"Host": host.format(port=port)})
    assert answer.status_code in (400, 421)
    assert "Sessions" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_another_page_cannot_act(
    console: Console, visitor: Visitor, headers: dict[str, str]
) -> None:
    token = {"X-CSRF-Token": visitor.csrf()}
    answer = visitor.client.post("/control/take", headers={**token, **headers})
    assert answer.status_code == 403
    assert "Nobody is in control" in visitor.page("/now")


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_an_action_needs_the_token_of_the_page(
    console: Console, visitor: Visitor, token: str
) -> None:
    headers = {"Origin": console.address, "X-CSRF-Token": token.encode()}
    assert visitor.client.post("/control/take", headers=headers).status_code == 403


def test_a_page_of_another_site_cannot_read_a_stream(visitor: Visitor) -> None:
    answer = visitor.client.get("/live/now", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/sign-in", "/static/console.js"])
def test_every_answer_forbids_foreign_content(
    console: Console, visitor: Visitor, path: str
) -> None:
    answer = visitor.client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    for text in ("http://", "https://", "onclick", "<style", "javascript:", " style="):
        assert text not in answer.text.replace("http://www.w3.org", "") or path.endswith(".js")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/static/%00",
        "/../../etc/passwd",
        "/records/download?log=/etc/passwd",
        "/records/download?log=../../etc/passwd",
    ],
)
def test_no_path_leads_to_other_files(console: Console, visitor: Visitor, path: str) -> None:
    answer = visitor.client.get(path)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert "import" not in answer.text


def test_hostile_names_of_a_log_are_shown_as_text(
    console: Console, logger: Program, visitor: Visitor
) -> None:
    station = console.station
    with station.open_log() as log:
        for name in HOSTILE:
            log.log_data(name, {name[:200]: name}, {name[:200]: 1.5})
        path = f"/records?log={quote(station.path_of())}"
        eventually(lambda: str(len(HOSTILE)) in _count(visitor.client, path))
        texts = [visitor.page(page) for page in (*PAGES, path, f"{path}&name={quote(HOSTILE[0])}")]
        cells: list[str] = []
        with visitor.live(path) as events:
            while not cells:
                event = next(events)
                if event.name == "rows":  # the page sets them as text, never as HTML
                    cells = [cell for row in json.loads(event.data)["rows"] for cell in row]
                else:
                    texts.append(event.data)
    for text in texts:
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    for text in (*texts, *cells):
        assert "\u202e" not in text
        assert "x" * 5000 not in text


def _count(client: httpx.Client, path: str) -> str:
    return client.get(path).text.partition('id="records-count">')[2].partition("<")[0]


def test_hostile_requests_do_not_harm(console: Console, visitor: Visitor) -> None:
    for path in (
        "/records?log=" + "x" * 60_000,
        "/records?since=nonsense&log=a",
        "/records?where=nonsense",
        "/live/now?after=" + "9" * 5000,
        "/records?" + "&".join(f"a{number}=1" for number in range(2000)),
    ):
        with visitor.client.stream("GET", path) as answer:
            assert answer.status_code < 500
    large = visitor.client.post(
        "/control/take", content=b"x" * 3_000_000, headers={"Origin": console.address}
    )
    assert large.status_code in (403, 413)
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"):
        assert visitor.client.request(method, "/now").status_code == 400
    visitor.page("/now")


def test_what_is_no_http_does_not_harm(console: Console, visitor: Visitor) -> None:
    port = int(console.address.rpartition(":")[2])
    for data in (
        b"\x00" * 1000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000,
        b"GET / HTTP/9.9\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
            try:
                raw.sendall(data)
                raw.shutdown(socket.SHUT_WR)
                raw.recv(1000)
            except OSError:
                pass
    visitor.page("/now")


def test_a_thousand_streams_are_bounded(
    console: Console, logger: Program, visitor: Visitor
) -> None:
    """One browser keeps a few streams; what is too much is refused, and pages still answer."""
    cookies = dict(visitor.client.cookies)

    async def connect_all() -> list[str]:
        limits = httpx.Limits(max_connections=400)
        results: list[str] = []
        all_answered = asyncio.Event()
        async with httpx.AsyncClient(
            base_url=console.address, cookies=cookies, limits=limits, timeout=240, trust_env=False
        ) as client:
            streams = (_open_stream(client, results, all_answered) for _ in range(_MANY))
            await asyncio.gather(*streams)
        return results

    results = asyncio.run(connect_all())
    assert 1 <= results.count("kept") <= 4
    assert set(results) <= {"kept", "short", "refused"}
    visitor.page("/now")
    assert logger.process.poll() is None


async def _open_stream(
    client: httpx.AsyncClient, results: list[str], all_answered: asyncio.Event
) -> None:
    """Open a stream, note what it is, and keep it open until all have an answer."""
    is_kept = False
    try:
        async with client.stream("GET", "/live/now") as answer:
            if answer.status_code == 503:
                results.append("refused")
            else:
                texts = answer.aiter_text()  # its end would close the stream
                first = await anext(texts)
                is_kept = "retry: 1000" not in first
                results.append("kept" if is_kept else "short")
            if len(results) == _MANY:
                all_answered.set()
            if is_kept:
                await all_answered.wait()
    except httpx.TransportError:
        results.append("refused")
        if len(results) == _MANY:
            all_answered.set()


def test_a_browser_that_does_not_read_is_let_go(
    console: Console, logger: Program, visitor: Visitor
) -> None:
    """Its stream ends, and costs no memory meanwhile; other browsers see everything."""
    station = console.station
    port = int(console.address.rpartition(":")[2])
    cookie = "; ".join(f"{key}={value}" for key, value in visitor.client.cookies.items())
    path = f"/live/records?log={quote(station.path_of('deaf.ndjson'))}"
    with station.open_log("deaf.ndjson") as log, socket.socket() as deaf:
        log.log_data("first", {}, {"v": 0})
        eventually(
            lambda: (
                visitor.client.get(
                    f"/records?log={quote(station.path_of('deaf.ndjson'))}"
                ).is_success
            )
        )
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", port))
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\r\n"
        deaf.sendall(head.encode())
        for number in range(2000):
            log.log_data("v", {}, {"v": number, "text": "x" * 200})
        with visitor.live(f"/records?log={quote(station.path_of('deaf.ndjson'))}") as events:
            eventually(lambda: _last_row(next(events)) == 2001)


def _last_row(event: object) -> int:
    name, data = getattr(event, "name", ""), getattr(event, "data", "")
    return int(json.loads(data)["rows"][-1][0]) if name == "rows" else 0


def test_beyond_this_host_only_with_tls_and_keys(station: Station, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="--tls-certificate"):
        station.start_console("--host=0.0.0.0")
