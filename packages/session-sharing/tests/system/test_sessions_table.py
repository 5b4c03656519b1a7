"""Every row of docs/sessions.md holds against a real server, with real clients that really end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from processes import LockServer, Process, eventually
from session_sharing.core.behaviors import InitializationBehavior

DOCS = Path(__file__).parents[4] / "docs" / "sessions.md"


def rows() -> list[list[str]]:
    table = DOCS.read_text(encoding="utf-8").partition("## Every case")[2]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


ENDS: dict[str, Callable[[Process], None]] = {
    "exit": lambda client: client.tell("leave"),
    "exception": lambda client: client.tell("raise"),
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


@pytest.mark.parametrize("row", rows(), ids="-".join)
def test_a_row(
    row: list[str],
    server: LockServer,
    keep: Callable[[Process], Process],
    attachments_of: Callable[[str], int | None],
) -> None:
    behavior, before, end, opening, afterwards = row
    if before == "open":
        assert keep(server.client("r", "AUTO")).line() == "new"

    client = keep(server.client("r", behavior))
    assert client.line() == opening
    ENDS[end](client)

    others = 1 if before == "open" else 0
    eventually(lambda: attachments_of("r") == (None if afterwards == "none" else others), within=3)
