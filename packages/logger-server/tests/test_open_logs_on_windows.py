"""P10: Windows keeps the name and the place of an open log, and the log goes on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from capabilities import only_windows
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from logger_process import LoggerProcess, names_in
from session_sharing.client import NotPermittedError

pytestmark = only_windows


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_suffix(".moved")),
        lambda path: path.with_name("another").replace(path),
    ],
    ids=["delete", "rename", "replace"],
)
def test_another_program_can_neither_delete_nor_rename_an_open_log(
    own_logger: LoggerProcess, change: Callable[[Path], object]
) -> None:
    folder = own_logger.folder / "logs"
    folder.mkdir()
    (folder / "another").write_text("not a log")
    path = folder / "a.ndjson"
    with own_logger.client(str(path)) as log:
        log.log_data("before", {}, {})
        with pytest.raises(PermissionError):
            change(path)
        log.log_data("after", {}, {})
        assert names_in(path) == ["before", "after"]
    change(path)  # its session has ended


def test_an_open_log_is_not_rotated_and_the_error_says_what_to_do(
    own_logger: LoggerProcess,
) -> None:
    with own_logger.client("a.ndjson") as log:
        log.log_data("before", {}, {})
        stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(log.connection.channel)
        with pytest.raises(NotPermittedError, match="Close the log, and rename its file"):
            log.connection.call(stub.Rotate, pb.RotateRequest(session_name=log.session_name))
        log.log_data("after", {}, {})
    assert names_in(own_logger.folder / "a.ndjson") == ["before", "after"]
    assert sorted(path.name for path in own_logger.folder.glob("*a*.ndjson*")) == ["a.ndjson"]


def test_a_log_beyond_the_size_for_rotation_goes_on_in_its_file(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, "--rotate-size=1000") as logger, logger.client("a.ndjson") as log:
        for _ in range(50):
            log.log_data("m", {}, {"filler": "x" * 100})
    assert len(names_in(tmp_path / "a.ndjson")) == 50
    assert "could not rotate" in (tmp_path / "server.err").read_text(encoding="utf-8")


def test_a_log_that_is_closed_can_be_renamed_and_the_next_one_begins_anew(
    own_logger: LoggerProcess,
) -> None:
    path = own_logger.folder / "a.ndjson"
    for _ in range(2):
        with own_logger.client("a.ndjson") as log:
            assert log.log_data("first", {}, {}) == 1
        path.replace(path.with_name(f"{os.urandom(4).hex()}.log"))
    assert len(list(own_logger.folder.glob("*.log"))) == 2
