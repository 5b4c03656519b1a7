"""P10: a full or broken disk gives its callers a clear error, and disturbs no others."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import pytest
from capabilities import needs_limits, needs_removal_of_open_files, needs_renames_of_open_files
from json_logger_client import JsonLoggerClient, StreamOptions
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_proto.ext.v1.json_logger_ext_pb2 import TailRequest
from json_logger_server.json_log import Durability
from logger_process import LoggerProcess, names_in, records_in
from logger_thread import FaultyDisk, LoggerThread
from processes import eventually
from session_sharing.client import (
    CallTimeoutError,
    LimitExceededError,
    ResourceLostError,
    SessionExpiredError,
    SessionSharingError,
    StorageFullError,
)

SUPPORT = Path(__file__).parent / "support"
LIMITED = str(SUPPORT / "limited_logger.py")
HANGING = str(SUPPORT / "hanging_logger.py")


def check_that_a_full_disk_recovers(
    logger: LoggerProcess | LoggerThread, path: Path, make_room: Callable[[], None]
) -> None:
    """Fill the disk, make room, and continue. Refused records must never appear."""
    accepted, refused = [], 0
    with logger.client(str(path)) as log:
        for number in range(40):
            try:
                log.log_data(f"m{number}", {}, {"filler": "x" * 3000})
                accepted.append(f"m{number}")
            except StorageFullError:
                refused += 1
        assert refused >= 10 <= len(accepted)
        assert names_in(path) == accepted

        make_room()
        log.log_data("after", {}, {"filler": "x" * 3000})
    assert names_in(path) == [*accepted, "after"]
    assert [r["seq"] for r in records_in(path)] == list(range(1, len(accepted) + 2))


@needs_limits
def test_a_file_at_its_size_limit_continues_when_the_limit_is_raised(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, program=(LIMITED, "FSIZE=65536")) as logger:

        def make_room() -> None:
            import resource

            resource.prlimit(logger.pid, resource.RLIMIT_FSIZE, (-1, -1))

        check_that_a_full_disk_recovers(logger, tmp_path / "a.ndjson", make_room)


def test_logging_to_a_full_disk_continues_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    other = small_disk / "other"
    other.write_bytes(b"x" * 50_000)
    with LoggerProcess(tmp_path) as logger:
        check_that_a_full_disk_recovers(logger, small_disk / "a.ndjson", other.unlink)


def test_a_torn_log_on_a_full_disk_is_not_changed_until_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    path, other = small_disk / "a.ndjson", small_disk / "other"
    torn = b'{"seq":1,"measurement_name":"kept"}\n{"seq":2,"meas'
    path.write_bytes(torn)
    with suppress(OSError), other.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    with LoggerProcess(tmp_path) as logger:
        with pytest.raises(StorageFullError):
            logger.client("disk/a.ndjson")
        assert {found.name for found in small_disk.iterdir()} == {"a.ndjson", "other"}
        assert path.read_bytes() == torn

        other.unlink()
        with logger.client("disk/a.ndjson") as log:
            assert log.log_data("after", {}, {}) == 2
    assert names_in(path) == ["kept", "after"]


@needs_limits
def test_a_stream_on_a_full_disk_fails_and_writes_nothing_after_the_refused_batch(
    tmp_path: Path,
) -> None:
    with (
        LoggerProcess(tmp_path, program=(LIMITED, "FSIZE=100000")) as logger,
        logger.client("a.ndjson") as log,
    ):
        stream = log.stream(StreamOptions(max_batch_records=3))
        with pytest.raises(StorageFullError):
            for number in range(1000):
                # Small and large ones, so that a later batch would fit where one did not.
                stream.log(f"m{number}", {}, {"filler": "x" * (number % 7) * 1000})
            stream.flush()
        with pytest.raises(StorageFullError):
            stream.close()
        written = names_in(tmp_path / "a.ndjson")
        assert 0 < len(written) < 1000
        assert written == [f"m{number}" for number in range(len(written))]
        assert stream.unacknowledged > 0


@needs_limits
def test_without_descriptors_left_opens_are_refused_and_open_logs_go_on(tmp_path: Path) -> None:
    with (
        LoggerProcess(tmp_path, program=(LIMITED, "NOFILE=280")) as logger,
        logger.client("first.ndjson") as first,
    ):
        held = []
        with pytest.raises(LimitExceededError):
            for number in range(100):
                # One connection, so that the files alone use descriptors up.
                held.append(type(first)(f"{number}.ndjson", connection=first.connection))
        first.log_data("still here", {}, {})
        assert len(held) > 5
        refused = tmp_path / f"{len(held)}.ndjson"
        assert not refused.exists()
        for log in held:
            log.close()
        with logger.client("again.ndjson"):
            pass


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.mark.parametrize("durability", list(Durability))
def test_a_disk_that_reports_that_it_is_full_continues_when_there_is_room(
    tmp_path: Path, disk: FaultyDisk, durability: Durability
) -> None:
    """The full disk is simulated, for systems on which a test cannot make a small one."""
    disk.room = 50_000

    def make_room() -> None:
        disk.room = None

    with LoggerThread(tmp_path, disk, durability) as logger:
        check_that_a_full_disk_recovers(logger, tmp_path / "a.ndjson", make_room)


@pytest.mark.parametrize("durability", list(Durability))
def test_an_io_error_ends_its_session_and_no_other(
    tmp_path: Path, disk: FaultyDisk, durability: Durability
) -> None:
    with LoggerThread(tmp_path, disk, durability) as logger:
        with logger.client("bad.ndjson") as bad, logger.client("good.ndjson") as good:
            bad.log_data("kept", {}, {})
            disk.failing["bad.ndjson"] = {"write"}
            with pytest.raises(ResourceLostError, match="bad"):
                bad.log_data("refused", {}, {})
            good.log_data("kept", {}, {})
            eventually(lambda: is_over(bad))
            disk.failing.clear()
        with logger.client("bad.ndjson") as again:
            again.log_data("new", {}, {})
    assert names_in(tmp_path / "bad.ndjson") == ["kept", "new"]
    assert names_in(tmp_path / "good.ndjson") == ["kept"]


def is_over(log: object) -> bool:
    try:
        log.log_data("probe", {}, {})  # type: ignore[attr-defined]
    except SessionExpiredError:
        return True
    except SessionSharingError:
        return False
    return False


def test_after_a_failed_sync_no_record_is_acknowledged(tmp_path: Path, disk: FaultyDisk) -> None:
    with (
        LoggerThread(tmp_path, disk, Durability.DURABLE) as logger,
        logger.client("a.ndjson") as first,
        logger.client("a.ndjson") as second,
    ):
        first.log_data("kept", {}, {})
        disk.failing["a.ndjson"] = {"sync"}
        disk.slow = "a.ndjson"
        disk.before_write.clear()
        outcomes: list[SessionSharingError] = []

        def log(client: object, name: str) -> None:
            try:
                client.log_data(name, {}, {})  # type: ignore[attr-defined]
            except SessionSharingError as error:
                outcomes.append(error)

        writes = disk.writes
        threads = [threading.Thread(target=log, args=(first, "in the failing group"))]
        threads[0].start()
        eventually(lambda: disk.writes > writes)
        threads.append(threading.Thread(target=log, args=(second, "waiting behind it")))
        threads[1].start()
        disk.before_write.set()
        for thread in threads:
            thread.join()
        # The device works again, but its content is not known.
        disk.failing.clear()
        assert {type(error) for error in outcomes} <= {ResourceLostError, SessionExpiredError}
        assert len(outcomes) == 2
    assert names_in(tmp_path / "a.ndjson") == ["kept"]


def test_a_record_that_cannot_be_removed_again_ends_the_session_and_is_repaired_at_the_next_open(
    tmp_path: Path, disk: FaultyDisk
) -> None:
    with LoggerThread(tmp_path, disk, Durability.FLUSHED) as logger:
        with logger.client("a.ndjson") as log:
            log.log_data("kept", {}, {})
            disk.failing["a.ndjson"] = {"write", "truncate"}
            with pytest.raises(
                ResourceLostError, match="incomplete record, which the server cannot remove"
            ):
                log.log_data("refused", {}, {})
            disk.failing.clear()
            eventually(lambda: is_over(log))
        with logger.client("a.ndjson") as log:
            log.log_data("new", {}, {})
    assert names_in(tmp_path / "a.ndjson") == ["kept", "new"]


@pytest.mark.parametrize("durability", list(Durability))
def test_a_disk_that_hangs_delays_only_its_own_file(
    tmp_path: Path, disk: FaultyDisk, durability: Durability
) -> None:
    with (
        LoggerThread(tmp_path, disk, durability) as logger,
        logger.client("slow.ndjson") as slow,
        logger.client("quick.ndjson") as quick,
    ):
        disk.slow = "slow.ndjson"
        disk.before_write.clear()
        waiting = threading.Thread(target=slow.log_data, args=("late", {}, {}))
        waiting.start()
        for _ in range(20):
            quick.log_data("in time", {}, {})
        assert waiting.is_alive()
        disk.before_write.set()
        waiting.join()
    assert names_in(tmp_path / "slow.ndjson") == ["late"]


@pytest.mark.parametrize("durability", list(Durability))
def test_a_disconnected_drive_with_many_logs_delays_no_other_drive(
    small_disk: Path, tmp_path: Path, disk: FaultyDisk, durability: Durability
) -> None:
    with (
        LoggerThread(tmp_path, disk, durability) as logger,
        logger.client("quick.ndjson") as quick,
        ExitStack() as stack,
    ):
        logs = [stack.enter_context(logger.client(f"disk/{n}.slow.log")) for n in range(10)]
        disk.slow = ".slow.log"
        disk.before_write.clear()
        waiting = [threading.Thread(target=log.log_data, args=("late", {}, {})) for log in logs]
        for thread in waiting:
            thread.start()
        eventually(lambda: disk.writes >= 4)
        for _ in range(20):
            quick.log_data("in time", {}, {})
        assert all(thread.is_alive() for thread in waiting)
        disk.before_write.set()
        for thread in waiting:
            thread.join()
    assert [names_in(small_disk / f"{n}.slow.log") for n in range(10)] == [["late"]] * 10


def test_a_server_stops_also_when_its_drive_hangs(tmp_path: Path) -> None:
    """The record was never acknowledged; the other logs are closed in order."""
    with LoggerProcess(tmp_path, program=(HANGING,)) as logger:
        connect = logger.connect(timeout=0.5, attempts=1)
        good, hanging = (
            JsonLoggerClient(f"{n}.ndjson", connection=connect) for n in ("good", "hang")
        )
        good.log_data("kept", {}, {})
        with pytest.raises(CallTimeoutError):
            hanging.log_data("lost", {}, {})
        tail = json_logger_ext_pb2_grpc.JsonLoggerExtStub(hanging.connection.channel).Tail
        with pytest.raises(grpc.RpcError):
            next(tail(TailRequest(session_name=hanging.session_name), timeout=0.5))
        good.log_data("kept, too", {}, {})

        assert logger.terminate() == 0
        for log in (good, hanging):
            log.connection.close()
    assert names_in(tmp_path / "good.ndjson") == ["kept", "kept, too"]


def test_after_one_slow_write_a_file_no_longer_delays_the_others(
    tmp_path: Path, disk: FaultyDisk
) -> None:
    """The first slow write after quick ones delays all logs; later writes are made in a thread."""
    with (
        LoggerThread(tmp_path, disk, Durability.FLUSHED) as logger,
        logger.client("slow.ndjson") as slow,
        logger.client("quick.ndjson") as quick,
    ):
        slow.log_data("quick as yet", {}, {})
        disk.slow = "slow.ndjson"
        disk.before_write.clear()
        threading.Timer(0.1, disk.before_write.set).start()
        slow.log_data("felt by all", {}, {})

        disk.before_write.clear()
        waiting = threading.Thread(target=slow.log_data, args=("late", {}, {}))
        waiting.start()
        for _ in range(20):
            quick.log_data("in time", {}, {})
        assert waiting.is_alive()
        disk.before_write.set()
        waiting.join()
    assert names_in(tmp_path / "slow.ndjson") == ["quick as yet", "felt by all", "late"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.unlink(), marks=needs_removal_of_open_files),
        pytest.param(
            lambda path: (path.unlink(), path.write_bytes(b"")), marks=needs_removal_of_open_files
        ),
        pytest.param(
            lambda path: path.rename(path.with_suffix(".moved")), marks=needs_renames_of_open_files
        ),
        lambda path: os.truncate(path, 0),
        lambda path: path.open("ab").write(b"{}\n"),
    ],
    ids=["deleted", "replaced", "renamed", "truncated", "extended"],
)
def test_a_file_changed_under_an_open_session_is_noticed_at_the_next_write(
    logger: LoggerProcess, change: Callable[[Path], object], request: pytest.FixtureRequest
) -> None:
    path = logger.folder / f"{request.node.callspec.id}.ndjson"
    with logger.client(path.name) as log:
        log.log_data("before", {}, {})
        change(path)
        with pytest.raises(ResourceLostError):
            log.log_data("after", {}, {})
