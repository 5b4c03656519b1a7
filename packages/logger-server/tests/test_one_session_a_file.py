"""P4: a file has at most one open session, however its path is written and many callers race."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from capabilities import HAS_PROC, HAS_SYMLINKS
from json_logger_client import InitializationBehavior
from json_logger_proto import json_logger_pb2 as pb
from json_logger_proto import json_logger_pb2_grpc
from logger_process import ClientProcess, LoggerProcess, records_in
from processes import eventually
from session_sharing import NameInUseError, ResourceInUseError, SessionAlreadyOpenError

CALLERS = 64
ROUNDS = pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.soak)])
NEW = pb.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW


class Storm:
    """Many clients, each with its own connection, that call at the same moment."""

    def __init__(self, logger: LoggerProcess) -> None:
        self._stubs = [logger.reference_stub() for _ in range(CALLERS)]
        self._pool = ThreadPoolExecutor(CALLERS)
        self._barrier = threading.Barrier(CALLERS)

    def open(self, path: Path, behavior: object) -> list[pb.InitializeFileResponse | grpc.RpcError]:
        request = pb.InitializeFileRequest(file_path=str(path), initialization_behavior=behavior)

        def call(stub: json_logger_pb2_grpc.JsonLoggerStub) -> object:
            self._barrier.wait()
            try:
                return stub.InitializeFile(request)
            except grpc.RpcError as error:
                return error

        return list(self._pool.map(call, self._stubs))


@pytest.fixture(scope="module")
def storm(anonymous: LoggerProcess) -> Storm:
    return Storm(anonymous)


def log_of_100_kb(folder: Path) -> Path:
    path = folder / "a.ndjson"
    path.write_text((json.dumps({"measurement_name": "x" * 200}) + "\n") * 450)
    return path


@ROUNDS
@pytest.mark.timeout(1200)
def test_of_64_clients_that_ask_at_once_one_creates_and_all_share(
    storm: Storm, folder: Path, rounds: int
) -> None:
    path = log_of_100_kb(folder)
    for _ in range(rounds):
        answers = storm.open(path, 0)
        assert len({answer.session_name for answer in answers}) == 1
        assert sum(answer.new_session for answer in answers) == 1
        storm._stubs[0].CloseFile(pb.CloseFileRequest(session_name=answers[0].session_name))


@ROUNDS
@pytest.mark.timeout(1200)
def test_of_64_clients_that_want_a_new_session_one_gets_it_and_63_get_its_name(
    storm: Storm, folder: Path, rounds: int
) -> None:
    path = log_of_100_kb(folder)
    for _ in range(rounds):
        answers = storm.open(path, NEW)
        opened = [a for a in answers if isinstance(a, pb.InitializeFileResponse)]
        refused = [a for a in answers if isinstance(a, grpc.RpcError)]
        assert (len(opened), len(refused)) == (1, CALLERS - 1)
        assert {error.code() for error in refused} == {grpc.StatusCode.ALREADY_EXISTS}
        said = refused[0].details()
        assert re.search(r"opened by .*reference.* at \d{4}-\d\d-\d\dT\d\d:\d\d", said), said
        storm._stubs[0].CloseFile(pb.CloseFileRequest(session_name=opened[0].session_name))


def spellings(path: Path) -> Iterator[str]:
    """Return different spellings of the path of one existing file."""
    folder, name = path.parent, path.name
    yield os.path.relpath(path, folder.parent)
    yield f"{folder}/../{folder.name}/{name}"
    yield f"{folder}//.//{name}"
    if HAS_SYMLINKS:
        (folder / "link").symlink_to(folder, target_is_directory=True)
        yield f"{folder}/link/{name}"
        (folder / "symlink.log").symlink_to(path)
        yield str(folder / "symlink.log")
    # On a file system that folds case, two spellings are two names of one inode, as these are.
    os.link(path, folder / name.upper().replace(".NDJSON", ".log"))
    yield str(folder / name.upper().replace(".NDJSON", ".log"))


def test_every_spelling_of_a_path_means_the_same_session(
    anonymous: LoggerProcess, folder: Path
) -> None:
    stub = anonymous.reference_stub()
    path = folder / "a.ndjson"
    first = stub.InitializeFile(pb.InitializeFileRequest(file_path=str(path)))
    for spelling in spellings(path):
        again = stub.InitializeFile(pb.InitializeFileRequest(file_path=spelling))
        assert again.session_name == first.session_name, spelling
        assert not again.new_session


def test_both_protocols_share_one_session(anonymous: LoggerProcess, folder: Path) -> None:
    stub = anonymous.reference_stub()
    path = folder / "a.ndjson"
    theirs = stub.InitializeFile(pb.InitializeFileRequest(file_path=str(path)))
    with anonymous.client(str(path)) as ours:
        assert ours.session_name == theirs.session_name
        ours.log_data("ours", {}, {"n": 1})
        stub.LogMeasurementData(
            pb.LogMeasurementDataRequest(
                session_name=theirs.session_name,
                measurement_name="theirs",
                measurement_outputs={"n": "1"},
            )
        )
    found = [(r["seq"], r["measurement_name"], r["measurement_outputs"]) for r in records_in(path)]
    assert found == [(1, "ours", {"n": 1}), (2, "theirs", {"n": "1"})]


def test_a_second_server_on_the_same_file_is_refused_with_the_process_that_writes_it(
    own_logger: LoggerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other_folder = tmp_path_factory.mktemp("other")
    root = f"--log-root={own_logger.folder}"
    with own_logger.client("a.ndjson") as log, LoggerProcess(other_folder, root) as second:
        path = str(own_logger.folder / "a.ndjson")
        with pytest.raises(ResourceInUseError, match=in_process(own_logger.pid)):
            second.client(path)
        log.log_data("undisturbed", {}, {})
        log.close()
        with second.client(path) as other:
            other.log_data("its turn", {}, {})
    names = [r["measurement_name"] for r in records_in(own_logger.folder / "a.ndjson")]
    assert names == ["undisturbed", "its turn"]


def in_process(pid: int) -> str:
    """Return what the refusal says: only Linux tells which process has locked a file."""
    return rf"open for writing in process {pid} \(.*serve" if HAS_PROC else "in another process"


def test_the_lock_does_not_affect_readers(own_logger: LoggerProcess) -> None:
    with own_logger.client("a.ndjson") as log:
        log.log_data("m", {}, {})
        assert len(records_in(own_logger.folder / "a.ndjson")) == 1


def test_a_refused_open_leaves_no_file_behind(own_logger: LoggerProcess) -> None:
    """P7: also when the refusal comes after the file had to be created."""
    with own_logger.client("a.ndjson", session_name="mine") as log:
        with pytest.raises(NameInUseError):
            own_logger.client("b.ndjson", session_name="mine")
        assert not (own_logger.folder / "b.ndjson").exists()
        log.log_data("m", {}, {})


def test_a_killed_clients_log_is_closed_and_free_for_the_next(
    own_logger: LoggerProcess,
) -> None:
    with ClientProcess(own_logger, "a.ndjson") as client:
        assert client.line() == "open"
        assert not opens_anew(own_logger)
        client.kill()
        eventually(lambda: opens_anew(own_logger), within=4.0)


def opens_anew(logger: LoggerProcess) -> bool:
    try:
        logger.client("a.ndjson", InitializationBehavior.INITIALIZE_SERVER_SESSION).close()
    except SessionAlreadyOpenError:
        return False
    return True
