"""A log and its rotated files are one log for numbers, sessions, retries and readers."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from capabilities import needs_renames_of_open_files, needs_signals
from json_logger_client import ConnectOptions, JsonLoggerClient
from json_logger_client.encoding import encode_record
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_proto.log_files.rotated import rotated_files
from json_logger_proto.names import KIND
from json_logger_server.json_log import Durability
from json_logger_server.storage.folder import Folder
from json_logger_server.storage.verify import verify
from logger_process import LoggerProcess, records_in
from logger_thread import FaultyDisk, LoggerThread
from processes import eventually
from session_sharing.client import (
    Connection,
    NotAResourceError,
    ResourceInUseError,
    ResourceLostError,
    SessionSharingError,
)
from session_sharing.v1 import lifecycle_pb2
from waveforms import waveforms_in

SUPPORT = Path(__file__).parent / "support"


def rotate(log: JsonLoggerClient) -> str:
    """Rotate a client's log; return the new name of the old file."""
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(log.connection.channel)
    answer = log.connection.call(stub.Rotate, pb.RotateRequest(session_name=log.session_name))
    return Path(answer.rotated_path).name


def tailed(log: JsonLoggerClient, from_seq: int = 0) -> list[int]:
    """Read the records of an open log; return their numbers."""
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(log.connection.channel)
    request = pb.TailRequest(session_name=log.session_name, from_seq=from_seq)
    answers = stub.Tail(request)
    return [json.loads(line)["seq"] for a in answers for line in a.ndjson.splitlines()]


def log_some(log: JsonLoggerClient, count: int) -> None:
    for _ in range(count):
        log.log_data("m", {}, {})


def whole_log(path: Path) -> list[int]:
    """Return the numbers in a log and its rotated files."""
    files = [*(rotated.path for rotated in rotated_files(path)), path]
    return [record["seq"] for file in files for record in records_in(file)]


def all_waveforms(path: Path) -> list[int]:
    """Return the first samples of all waveforms of a log and its rotated files."""
    files = [*(rotated.path for rotated in rotated_files(path)), path]
    return [int(array[0]) for file in files for array in waveforms_in(file)]


@needs_renames_of_open_files
def test_numbers_and_sessions_continue_in_the_next_file(own_logger: LoggerProcess) -> None:
    with own_logger.client("a.ndjson") as log, own_logger.client("a.ndjson") as other:
        log_some(log, 3)
        assert rotate(log) == "a.1.ndjson"
        log_some(other, 2)
        assert rotate(other) == "a.4.ndjson"
        log_some(log, 1)
        with own_logger.client("a.ndjson") as late:
            assert late.session_name == log.session_name
            log_some(late, 1)
    files = ("a.1.ndjson", "a.4.ndjson", "a.ndjson")
    found = [[r["seq"] for r in records_in(own_logger.folder / name)] for name in files]
    assert found == [[1, 2, 3], [4, 5], [6, 7]]
    assert sorted(path.name for path in own_logger.folder.glob(".*")) == []


@needs_renames_of_open_files
def test_an_empty_file_is_not_rotated(own_logger: LoggerProcess) -> None:
    with own_logger.client("a.ndjson") as log:
        assert rotate(log) == ""
        log_some(log, 1)
        assert rotate(log) == "a.1.ndjson"
        assert rotate(log) == ""
        log_some(log, 1)
    assert whole_log(own_logger.folder / "a.ndjson") == [1, 2]


@needs_renames_of_open_files
@pytest.mark.parametrize("after", [0, 2])
def test_numbers_continue_when_the_log_is_opened_after_a_rotation(
    own_logger: LoggerProcess, after: int
) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 3)
        rotate(log)
        log_some(log, after)
    with own_logger.client("a.ndjson") as log:
        log_some(log, 1)
    assert whole_log(own_logger.folder / "a.ndjson") == list(range(1, 5 + after))


@needs_renames_of_open_files
def test_a_reader_gets_all_files_of_a_log_as_one(own_logger: LoggerProcess) -> None:
    with own_logger.client("a.ndjson") as log:
        for _ in range(4):
            log_some(log, 5)
            rotate(log)
        log_some(log, 5)
        assert tailed(log) == list(range(1, 26))
        for first in (1, 5, 6, 7, 20, 21, 25, 26):
            assert tailed(log, first) == list(range(first, 26))


@needs_renames_of_open_files
def test_a_tail_follows_over_rotations(own_logger: LoggerProcess) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 1)
        stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(log.connection.channel)
        request = pb.TailRequest(session_name=log.session_name, follow=True)
        answers = stub.Tail(request)
        assert json.loads(next(answers).ndjson)["seq"] == 1
        for seq in range(2, 8):
            rotate(log)
            log_some(log, 1)
            assert json.loads(next(answers).ndjson)["seq"] == seq
        answers.cancel()


@needs_renames_of_open_files
def test_a_log_is_rotated_by_size_under_load_and_loses_nothing(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, "--rotate-size=20000") as logger:
        seqs: list[list[int]] = [[] for _ in range(4)]

        def write(mine: list[int]) -> None:
            with logger.client("a.ndjson") as log:
                mine += [log.log_data("m", {}, {"n": n}) for n in range(300)]

        with logger.client("a.ndjson"):  # who created the session stays to the end
            threads = [threading.Thread(target=write, args=(mine,)) for mine in seqs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert sorted(seq for mine in seqs for seq in mine) == list(range(1, 1201))
    assert whole_log(tmp_path / "a.ndjson") == list(range(1, 1201))
    sizes = [rotated.size for rotated in rotated_files(tmp_path / "a.ndjson")]
    assert len(sizes) > 3
    assert all(size >= 20000 for size in sizes)


@needs_signals
def test_sighup_rotates_every_open_log_and_ends_no_session(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, detached=True) as logger:
        with logger.client("a.ndjson") as log, logger.client("b.ndjson") as other:
            log_some(log, 2)
            log_some(other, 1)
            os.kill(logger.pid, signal.SIGHUP)
            rotated = (tmp_path / "a.1.ndjson", tmp_path / "b.1.ndjson")
            eventually(lambda: all(path.exists() for path in rotated), within=30)
            log_some(log, 1)
            log_some(other, 1)
        assert whole_log(tmp_path / "a.ndjson") == [1, 2, 3]
        assert whole_log(tmp_path / "b.ndjson") == [1, 2]


@needs_signals
def test_the_end_of_its_terminal_stops_a_server_and_a_sighup_before_that_rotates(
    tmp_path: Path,
) -> None:
    import fcntl
    import pty
    import termios

    master, slave = pty.openpty()
    state = tmp_path / "state" / "json-logger.json"
    serve = [sys.executable, "-m", "json_logger_server", "serve", "--no-discovery"]
    options = ["--listen=tcp:127.0.0.1:0", f"--state-file={state}", f"--log-root={tmp_path}"]
    with subprocess.Popen(
        [*serve, *options],
        stdin=slave,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as server:
        assert server.stdout is not None
        assert b"ready" in server.stdout.readline()
        with JsonLoggerClient("a.ndjson", connection=ConnectOptions.from_state_file(state)) as log:
            log_some(log, 1)
            server.send_signal(signal.SIGHUP)
            eventually((tmp_path / "a.1.ndjson").exists, within=30)
            log_some(log, 1)
        os.close(slave)
        os.close(master)
        assert server.wait(30) == 0
    assert whole_log(tmp_path / "a.ndjson") == [1, 2]


SECRET = b"the same client again"


class RawClient:
    """A client that chooses the numbers of its records, the same one after a restart."""

    def __init__(self, logger: LoggerProcess, file: str, secret: bytes = SECRET) -> None:
        self._connection = Connection(logger.connect(presence=False, attempts=1))
        eventually(
            self._connection.is_connected, within=60
        )  # one attempt can fail on a busy machine
        request = lifecycle_pb2.OpenRequest(
            client_secret=secret, kind=KIND, resource=file, without_presence=True
        )
        opened = self._connection.call(self._connection.lifecycle.Open, request)
        self.session_name = opened.session_name
        self._attachment = opened.attachment
        self._stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(self._connection.channel)

    def send(self, client_seq: int, padding: int = 0, waveform: int = 0) -> int:
        """Send a record; return its number in the log.

        Args:
            client_seq: The client's own number of the record.
            padding: Characters of a text in the record.
            waveform: Samples in the record's waveform, which all have the value `client_seq`.
        """
        values = {"padding": "x" * padding}
        if waveform:
            values["waveform"] = np.full(waveform, client_seq)
        record = encode_record("m", {}, values)
        request = pb.AppendRequest(
            attachment=self._attachment,
            first_client_seq=client_seq,
            count=1,
            ndjson=record.line,
            samples=b"".join(record.samples),
        )
        return self._connection.call(self._stub.Append, request).first_seq

    def rotate(self) -> None:
        request = pb.RotateRequest(session_name=self.session_name)
        self._connection.call(self._stub.Rotate, request)


@needs_renames_of_open_files
@pytest.mark.parametrize("padding", [0, 80_000])
def test_a_retry_of_what_is_in_a_rotated_file_is_recognised(tmp_path: Path, padding: int) -> None:
    """Padding moves the record out of the part that is read when the log is opened."""
    with LoggerProcess(tmp_path) as logger:
        client = RawClient(logger, "a.ndjson")
        sent = [client.send(1), client.send(2), client.send(3, padding)]
        client.rotate()
        assert [client.send(number) for number in (1, 2, 3)] == sent
        logger.kill()
    with LoggerProcess(tmp_path) as logger:
        client = RawClient(logger, "a.ndjson")
        assert [client.send(number) for number in (3, 2)] == [3, 2]
        assert client.send(4) == 4
        client.rotate()
        assert client.send(2) == 2
        assert client.send(5) == 5
    assert whole_log(tmp_path / "a.ndjson") == [1, 2, 3, 4, 5]


@needs_renames_of_open_files
@pytest.mark.parametrize("waveform", [0, 300])
def test_a_server_killed_at_any_step_of_a_rotation_loses_nothing(
    tmp_path: Path, waveform: int
) -> None:
    """An audit hook kills the server before the nth system call that names a file."""
    for step in range(1, 40):
        folder = tmp_path / str(step)
        folder.mkdir()
        program = (str(SUPPORT / "killed_logger.py"), str(step))
        with LoggerProcess(folder, "--durability=durable", program=program) as logger:
            client = RawClient(logger, "a.ndjson")
            assert [client.send(n, waveform=waveform) for n in (1, 2, 3)] == [1, 2, 3]
            (folder / "armed").touch()
            try:
                client.rotate()
                survived = True
            except SessionSharingError:
                survived = False
                logger.process.wait(30)
            if survived:
                logger.kill()
        with LoggerProcess(folder) as logger:
            client = RawClient(logger, "a.ndjson")
            assert client.send(3, waveform=waveform) == 3
            assert client.send(4, waveform=waveform) == 4
            client.rotate()
            assert client.send(5, waveform=waveform) == 5
        assert whole_log(folder / "a.ndjson") == [1, 2, 3, 4, 5], f"killed at step {step}"
        if waveform:
            assert all_waveforms(folder / "a.ndjson") == [1, 2, 3, 4, 5], f"killed at step {step}"
        assert verify(folder / "a.ndjson").problem is None
        leftovers = [path.name for path in folder.glob("a.*") if path.stat().st_nlink > 1]
        assert leftovers == []
        if survived:
            assert step > 5
            return
    raise AssertionError("a rotation has more steps than this test tries")


@needs_renames_of_open_files
@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=pytest.mark.soak)])
@pytest.mark.timeout(1200)
def test_a_server_killed_under_load_while_it_rotates_keeps_every_acknowledged_record_once(
    tmp_path: Path, rounds: int
) -> None:
    path = tmp_path / "a.ndjson"
    acknowledged: list[dict[int, int]] = [{}, {}, {}]
    """For each client, the number in the log of each of its own numbers."""

    def write(logger: LoggerProcess, number: int) -> None:
        mine = acknowledged[number]
        with contextlib.suppress(SessionSharingError):
            client = RawClient(logger, "a.ndjson", SECRET + bytes([number]))
            while True:
                own = len(mine) + 1
                mine[own] = client.send(own)

    for _ in range(rounds):
        wanted = sum(map(len, acknowledged)) + random.randint(50, 400)
        with LoggerProcess(tmp_path, "--rotate-size=5000") as logger:
            writers = [threading.Thread(target=write, args=(logger, n)) for n in range(3)]
            for writer in writers:
                writer.start()
            eventually(lambda wanted=wanted: sum(map(len, acknowledged)) >= wanted, within=60)
            logger.kill()
            for writer in writers:
                writer.join()
    with LoggerProcess(tmp_path) as logger:  # this repairs the torn tail of a killed server
        RawClient(logger, "a.ndjson", SECRET + b"3").send(1)

    assert verify(path).problem is None
    files = [*(rotated.path for rotated in rotated_files(path)), path]
    found = {(r["client"], r["client_seq"]): r["seq"] for f in files for r in records_in(f)}
    for mine in acknowledged:
        assert any(
            all(found.get((client, own)) == seq for own, seq in mine.items())
            for client in {client for client, _ in found}
        )
    assert len(files) > rounds


@needs_renames_of_open_files
def test_a_log_that_cannot_be_rotated_reports_the_reason_and_continues(
    own_logger: LoggerProcess,
) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 2)
        in_the_way = own_logger.folder / "a.1.ndjson"
        in_the_way.write_text("something else\n")
        with pytest.raises(
            ResourceInUseError, match=r"a\.1\.ndjson exists already; move it to another place"
        ):
            rotate(log)
        log_some(log, 1)
        assert in_the_way.read_text() == "something else\n"
        with own_logger.client("a.ndjson") as other:
            assert other.session_name == log.session_name
        in_the_way.unlink()
        assert rotate(log) == "a.1.ndjson"
        log_some(log, 1)
    assert whole_log(own_logger.folder / "a.ndjson") == [1, 2, 3, 4]


@needs_renames_of_open_files
def test_a_rotated_file_is_not_written_any_more(own_logger: LoggerProcess) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 2)
        rotate(log)
        with pytest.raises(NotAResourceError, match=r"rotated file of a\.ndjson"):
            own_logger.client("a.1.ndjson")
    with pytest.raises(NotAResourceError, match=r"rotated file of a\.ndjson"):
        own_logger.client("a.1.ndjson")


def test_another_log_with_a_number_in_its_name_is_not_a_rotated_file(
    own_logger: LoggerProcess,
) -> None:
    for name in ("a.1.ndjson", "a.2.ndjson", "a.ndjson"):
        with own_logger.client(name) as log:
            log_some(log, 2)
            assert tailed(log) == [1, 2]


@needs_renames_of_open_files
def test_a_second_server_is_refused_after_a_rotation_too(
    own_logger: LoggerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 1)
        rotate(log)
        root = f"--log-root={own_logger.folder}"
        with LoggerProcess(tmp_path_factory.mktemp("other"), root) as second:
            with pytest.raises(ResourceInUseError, match=f"process {own_logger.pid}"):
                second.client(str(own_logger.folder / "a.ndjson"))
            log.close()
            with second.client(str(own_logger.folder / "a.ndjson")) as other:
                log_some(other, 1)
    assert whole_log(own_logger.folder / "a.ndjson") == [1, 2]


@needs_renames_of_open_files
def test_openers_during_rotations_always_get_the_one_session(own_logger: LoggerProcess) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 1)
        stop = threading.Event()
        names: set[str] = set()

        def open_again() -> None:
            while not stop.is_set():
                with own_logger.client("a.ndjson") as other:
                    names.add(other.session_name)

        with ThreadPoolExecutor(3) as threads:
            openers = [threads.submit(open_again) for _ in range(3)]
            for _ in range(50):
                rotate(log)
                log_some(log, 1)
            stop.set()
            for opener in openers:
                opener.result()
    assert names == {log.session_name}
    assert whole_log(own_logger.folder / "a.ndjson") == list(range(1, 52))


@needs_renames_of_open_files
def test_rotated_files_are_removed_when_they_are_old(tmp_path: Path) -> None:
    two_days_ago = time.time() - 2 * 24 * 3600
    with LoggerProcess(tmp_path, "--keep=1.5") as logger, logger.client("a.ndjson") as log:
        for seq in (1, 2, 3):
            log_some(log, 1)
            rotate(log)
            old = tmp_path / f"a.{seq}.ndjson"
            if seq != 2:  # what comes after a younger one stays, so that there is no gap
                os.utime(old, (two_days_ago, two_days_ago))
        log_some(log, 1)
        rotate(log)
        names = [rotated.path.name for rotated in rotated_files(tmp_path / "a.ndjson")]
        assert names == ["a.2.ndjson", "a.3.ndjson", "a.4.ndjson"]
        assert tailed(log) == [2, 3, 4]


@pytest.mark.parametrize(
    "how", [pytest.param("rename", marks=needs_renames_of_open_files), "truncate"]
)
def test_the_error_of_a_log_that_another_program_rotated_says_how_to_rotate_it(
    own_logger: LoggerProcess, how: str
) -> None:
    path = own_logger.folder / "a.ndjson"
    with own_logger.client("a.ndjson") as log:
        log_some(log, 3)
        if how == "rename":
            path.rename(path.with_name("a.ndjson.1"))
        else:
            os.truncate(path, 0)
        with pytest.raises(ResourceLostError, match="json-logger rotate"):
            log_some(log, 1)


@needs_renames_of_open_files
@pytest.mark.parametrize("call", [1, 2], ids=["before", "after the new file took over"])
def test_a_rotation_whose_names_cannot_be_made_safe_ends_the_session_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """The failing fsync of a folder is simulated, because a real one cannot be caused."""
    calls = 0

    def fail(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with LoggerThread(tmp_path, FaultyDisk(), Durability.DURABLE) as logger:
        log = logger.client("a.ndjson")
        log_some(log, 2)
        monkeypatch.setattr(Folder, "sync", fail)
        with pytest.raises(ResourceLostError, match="Input/output error"):
            rotate(log)
        log.reset()
        log_some(log, 1)
        rotate(log)
        log_some(log, 1)
        log.close()
    assert whole_log(tmp_path / "a.ndjson") == [1, 2, 3, 4]


@needs_renames_of_open_files
def test_the_waveforms_of_a_log_are_rotated_with_it(own_logger: LoggerProcess) -> None:
    path = own_logger.folder / "a.ndjson"
    with own_logger.client("a.ndjson") as log:
        for number in range(3):
            log.log_data("m", {}, {"a": np.full(500, number)})
        assert rotate(log) == "a.1.ndjson"
        log_some(log, 1)
        assert rotate(log) == "a.4.ndjson"
        log.log_data("m", {}, {"a": np.full(500, 3)})
        files = sorted(file.name for file in own_logger.folder.glob("a.*"))
        assert files == ["a.1.ndjson", "a.1.waveforms", "a.4.ndjson", "a.ndjson", "a.waveforms"]
        assert all_waveforms(path) == [0, 1, 2, 3]
        assert rotate(log) == "a.5.ndjson"
    assert all_waveforms(path) == [0, 1, 2, 3]
    verdict = verify(path)
    assert (verdict.problem, verdict.waveforms, verdict.files) == (None, 4, 4)


@needs_renames_of_open_files
def test_a_log_is_rotated_by_the_size_of_its_waveforms_too(tmp_path: Path) -> None:
    rotating = "--rotate-size=100000"
    with LoggerProcess(tmp_path, rotating) as logger, logger.client("a.ndjson") as log:
        for number in range(8):
            log.log_data("m", {}, {"a": np.full(5000, number)})
    assert len(rotated_files(tmp_path / "a.ndjson")) == 2
    assert all_waveforms(tmp_path / "a.ndjson") == list(range(8))


@needs_renames_of_open_files
def test_a_log_whose_waveforms_cannot_be_rotated_stays_as_it_is(own_logger: LoggerProcess) -> None:
    in_the_way = own_logger.folder / "a.1.waveforms"
    with own_logger.client("a.ndjson") as log:
        log.log_data("m", {}, {"a": np.full(500, 1)})
        in_the_way.write_text("something else")
        with pytest.raises(ResourceInUseError, match=r"a\.1\.waveforms exists already"):
            rotate(log)
        log.log_data("m", {}, {"a": np.full(500, 2)})
        assert not (own_logger.folder / "a.1.ndjson").exists()
    assert in_the_way.read_text() == "something else"
    assert all_waveforms(own_logger.folder / "a.ndjson") == [1, 2]


@needs_renames_of_open_files
def test_old_waveforms_are_removed_with_their_records(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, "--keep=1") as logger, logger.client("a.ndjson") as log:
        for number in range(3):
            log.log_data("m", {}, {"a": np.full(500, number)})
            if number < 2:
                rotate(log)
        days_ago = time.time() - 2 * 24 * 3600
        os.utime(tmp_path / "a.1.ndjson", (days_ago, days_ago))
        rotate(log)
    assert sorted(path.name for path in tmp_path.glob("a.*")) == [
        "a.2.ndjson",
        "a.2.waveforms",
        "a.3.ndjson",
        "a.3.waveforms",
        "a.ndjson",
    ]


@needs_renames_of_open_files
def test_waveforms_that_could_not_be_opened_with_their_log_are_rotated_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        LoggerThread(tmp_path, FaultyDisk(), Durability.FLUSHED) as logger,
        logger.client("a.ndjson") as log,
    ):
        log.log_data("m", {}, {"a": np.full(500, 1)})
    monkeypatch.setattr(Folder, "open", no_descriptor_is_left)
    with (
        LoggerThread(tmp_path, FaultyDisk(), Durability.FLUSHED) as logger,
        logger.client("a.ndjson") as log,
    ):
        log.log_data("m", {}, {})
        with pytest.raises(SessionSharingError, match="descriptor"):
            rotate(log)
        monkeypatch.undo()
        assert rotate(log) == "a.1.ndjson"
        log.log_data("m", {}, {"a": np.full(500, 2)})
    assert all_waveforms(tmp_path / "a.ndjson") == [1, 2]


def no_descriptor_is_left(*_: object) -> int:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
