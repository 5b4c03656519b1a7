"""T40: a client reaches only log files inside the log roots, however it writes the path."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from as_user import needs_users
from capabilities import needs_fifos, needs_symlinks
from json_logger_proto.ext.v1.json_logger_ext_pb2 import TailRequest
from json_logger_proto.ext.v1.json_logger_ext_pb2_grpc import JsonLoggerExtStub
from json_logger_server.storage.paths import LogRoots
from logger_process import LoggerProcess
from raw_calls import assert_refused
from session_sharing import (
    InvalidArgumentError,
    NotAResourceError,
    NotPermittedError,
    ResourceLostError,
    ResourceNotFoundError,
    SessionSharingError,
)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.log").write_text("{}\n")
    return folder


@pytest.fixture(scope="module")
def logger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggerProcess]:
    with LoggerProcess(tmp_path_factory.mktemp("root")) as process:
        yield process


def test_paths_outside_the_roots_are_refused_however_they_are_spelled(
    logger: LoggerProcess, outside: Path
) -> None:
    check_that_nothing_outside_is_reached(
        logger,
        outside,
        str(outside / "secret.log"),
        f"../{outside.name}/secret.log",
        f"state/../../{outside.name}/secret.log",
    )


@needs_symlinks
def test_links_to_places_outside_the_roots_are_refused(
    logger: LoggerProcess, outside: Path
) -> None:
    link = logger.folder / "link.log"
    link.symlink_to(outside / "secret.log")
    folder_link = logger.folder / "folder"
    folder_link.symlink_to(outside)
    check_that_nothing_outside_is_reached(
        logger, outside, "link.log", "folder/secret.log", "folder/new.log"
    )


def check_that_nothing_outside_is_reached(
    logger: LoggerProcess, outside: Path, *names: str
) -> None:
    for name in names:
        with pytest.raises(NotPermittedError):
            logger.client(name)
    assert sorted(path.name for path in outside.iterdir()) == ["secret.log"]
    assert (outside / "secret.log").read_text() == "{}\n"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a\0b.log", InvalidArgumentError),
        ("no-suffix", InvalidArgumentError),
        ("x" * 300 + ".log", InvalidArgumentError),
        ("missing/a.log", ResourceNotFoundError),
        (".log/../..//a.exe", InvalidArgumentError),
    ],
)
def test_names_that_cannot_be_log_files_are_refused(
    logger: LoggerProcess, name: str, error: type[SessionSharingError]
) -> None:
    with pytest.raises(error):
        logger.client(name)


def test_a_folder_is_refused(logger: LoggerProcess) -> None:
    (logger.folder / "folder.log").mkdir()
    with pytest.raises(NotAResourceError):
        logger.client("folder.log")


@needs_fifos
def test_a_fifo_is_refused_without_a_wait(logger: LoggerProcess) -> None:
    os.mkfifo(logger.folder / "fifo.log")
    with pytest.raises(NotAResourceError):
        logger.client("fifo.log")


@needs_users
def test_a_device_is_refused(logger: LoggerProcess) -> None:
    os.mknod(logger.folder / "null.log", 0o20666, os.makedev(1, 3))
    with pytest.raises(NotAResourceError):
        logger.client("null.log")


@needs_symlinks
def test_a_link_that_is_swapped_in_between_look_and_open_leads_nowhere(
    tmp_path: Path, outside: Path
) -> None:
    roots = LogRoots((tmp_path,))
    inner = tmp_path / "inner"
    inner.mkdir()
    swapped = threading.Event()
    results: list[str] = []

    def swap() -> None:
        while not swapped.is_set():
            inner.rename(tmp_path / "aside")
            inner.symlink_to(outside)
            inner.unlink()
            (tmp_path / "aside").rename(inner)
            swapped.wait(random.random() / 1000)  # or a busy machine never sees it whole

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            both = "opened inside" in results and len(set(results)) > 1
            if both and len(results) >= 2000:
                break
            try:
                handle, _ = roots.open(roots.resolve("inner/secret.log"), create=True)
            except SessionSharingError as error:
                results.append(error.reason)
            else:
                reached = os.fstat(handle)
                os.close(handle)
                assert not os.path.samestat(reached, (outside / "secret.log").stat())
                results.append("opened inside")
    finally:
        swapped.set()
        thread.join()

    assert "opened inside" in results
    assert len(set(results)) > 1, "the race was never met"


@needs_symlinks
def test_a_link_that_is_swapped_in_for_an_open_log_is_not_read(
    logger: LoggerProcess, outside: Path
) -> None:
    with logger.client("swapped.log") as log:
        log.log_data("m", {}, {"filler": "x" * 100})
        path = logger.folder / "swapped.log"
        path.unlink()
        path.symlink_to(outside / "secret.log")
        metadata = (("authorization", f"Bearer {logger.token}"),)
        with logger.channel() as channel:
            tail = JsonLoggerExtStub(channel).Tail
            request = TailRequest(session_name=log.session_name)
            assert_refused(lambda: tail(request, metadata=metadata), ResourceLostError)


def test_any_path_is_accepted_only_with_the_option_for_it(tmp_path: Path, outside: Path) -> None:
    free = str(outside / "free.log")
    with LoggerProcess(tmp_path, "--any-path") as logger, logger.client(free) as log:
        log.log_data("m", {}, {})
    assert (outside / "free.log").read_text().count("\n") == 1
