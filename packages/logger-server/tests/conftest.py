"""Loggers for tests: one for a whole module, or one for a single test."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from json_logger_server.json_log import Durability
from logger_process import LoggerProcess
from logger_thread import FaultyDisk, LoggerThread

pytest_plugins = ["own_station"]


@pytest.fixture(scope="module")
def logger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggerProcess]:
    """A logger with tokens, shared by the tests of a module."""
    with LoggerProcess(tmp_path_factory.mktemp("logger")) as process:
        yield process


@pytest.fixture(scope="module")
def anonymous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggerProcess]:
    """A logger without tokens, shared by the tests of a module."""
    with LoggerProcess(tmp_path_factory.mktemp("anonymous"), "--anonymous") as process:
        yield process


@pytest.fixture
def own_logger(tmp_path: Path) -> Iterator[LoggerProcess]:
    """A logger for a single test."""
    with LoggerProcess(tmp_path) as process:
        yield process


@pytest.fixture
def logger_thread(tmp_path: Path) -> Iterator[LoggerThread]:
    """A logger in this process, whose disk and counters the test can reach."""
    with LoggerThread(tmp_path, FaultyDisk(), Durability.FLUSHED) as logger:
        yield logger


@pytest.fixture
def folder(anonymous: LoggerProcess) -> Path:
    """A separate folder for a test below the log root of the anonymous logger."""
    folder = anonymous.folder / uuid.uuid4().hex[:12]
    folder.mkdir()
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 KiB, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=128k", "none", str(folder)]
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("no small disk that this user can mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
