"""The audit trail has every event, in order, and a slow disk delays no call."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from capabilities import needs_fifos, needs_full_device, needs_limits, needs_modes
from processes import eventually
from session_sharing.server import (
    AuditTrail,
    EventLog,
    EventType,
    InvalidArgumentError,
    SessionEvent,
)


def _publish(log: EventLog, count: int, label: str = "") -> None:
    for _ in range(count):
        log.publish(SessionEvent(EventType.REFUSED, label=label))


def test_a_closed_trail_has_every_event_as_a_line_in_order(tmp_path: Path) -> None:
    log = EventLog()
    with AuditTrail(tmp_path / "audit") as trail:
        log.listen(trail.note)
        _publish(log, 500, 'a "quoted"\nlabel')

    lines = [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()]
    assert [line["revision"] for line in lines] == list(range(1, 501))
    assert lines[0]["label"] == 'a "quoted"\nlabel'


@needs_modes
def test_only_the_servers_user_can_read_the_trail(tmp_path: Path) -> None:
    with AuditTrail(tmp_path / "audit"):
        assert stat.S_IMODE((tmp_path / "audit").stat().st_mode) == 0o600


def test_the_error_for_a_trail_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="audit trail"):
        AuditTrail(tmp_path / "missing" / "audit")


@needs_fifos
def test_a_disk_that_blocks_delays_no_call_and_missing_events_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR)  # the reader does not read yet: after 64 KB the writer blocks
    log, published = EventLog(), 15_000
    with AuditTrail(path) as trail:
        log.listen(trail.note)
        _publish(log, published, "x" * 100)
        assert log.revision == published

        found = b""
        while b'"revision": 9000,' not in found:
            found += os.read(reader, 65536)
        _publish(log, 1)
        while f'"revision": {published + 1},'.encode() not in found:
            found += os.read(reader, 65536)
    os.close(reader)

    lines = [json.loads(line) for line in found.splitlines() if line.endswith(b"}")]
    lost = sum(line.get("count", 0) for line in lines)
    assert lost > 0
    assert lost + sum("revision" in line for line in lines) == published + 1


@needs_limits
def test_a_full_disk_leaves_no_half_lines_and_missing_events_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import resource

    path, limit = tmp_path / "audit", 1_000_000
    path.write_bytes(b"{}\n" * (limit // 3 - 100))
    log = EventLog()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with AuditTrail(path) as trail:
        log.listen(trail.note)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        try:
            _publish(log, 20)
            eventually(lambda: "No space left" in caplog.text, within=30)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        _publish(log, 1)

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    revisions = [line["revision"] for line in lines if "revision" in line]
    assert (revisions[0], revisions[-1]) == (1, 21)
    missing = sum(line.get("count", 0) for line in lines)
    assert missing > 0
    assert missing + len(revisions) == 21


@needs_full_device
def test_a_disk_that_is_always_full_is_reported_once_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = EventLog()
    with AuditTrail(Path("/dev/full")) as trail:
        log.listen(trail.note)
        _publish(log, 100)
    assert [record.getMessage() for record in caplog.records] == [
        "The audit trail cannot be written: [Errno 28] No space left on device"
    ]
