"""Every row of docs/sessions.md is true with a real server and real client processes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import LockServer, Process, count_attachments, eventually
from session_sharing.client import ConnectOptions, InitializationBehavior, connect

DOCS = Path(__file__).parents[4] / "docs" / "sessions.md"


def rows() -> list[list[str]]:
    table = DOCS.read_text(encoding="utf-8").partition("## Every case")[2]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ENDS: dict[str, Callable[[Process], None]] = {
    "exit": lambda client: client.send("leave"),
    "exception": lambda client: client.send("raise"),
    "kill": lambda client: client.kill(),
    "silence": lambda client: client.stop(),
    "–": lambda client: None,
}


def test_the_table_has_every_case() -> None:
    covered = {tuple(row[:3]) for row in rows()}
    for behavior in InitializationBehavior:
        for before in ("none", "open"):
            refused = (behavior.name, before, "–") in covered
            ends = {"–"} if refused else {"exit", "exception", "kill", "silence"}
            assert all((behavior.name, before, end) in covered for end in ends)
    assert len(covered) == len(rows())


@pytest.fixture(scope="module")
def one_server() -> Iterator[LockServer]:
    """A server for all rows; each row has another resource."""
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        server = LockServer(Path(folder))
        yield server
        server.end()


@pytest.mark.parametrize("row", rows(), ids="-".join)
def test_a_row(row: list[str], one_server: LockServer, keep: Callable[[Process], Process]) -> None:
    behavior, before, end, opening, afterwards = row
    resource = "-".join(row[:3])
    if before == "open":
        assert keep(one_server.client(resource, "AUTO")).line() == "new"

    client = keep(one_server.client(resource, behavior))
    assert client.line() == opening
    ENDS[end](client)

    others = 1 if before == "open" else 0
    expected = None if afterwards == "none" else others
    with connect(ConnectOptions(one_server.target, presence=False)) as observer:
        eventually(lambda: count_attachments(observer, resource) == expected, within=30)
