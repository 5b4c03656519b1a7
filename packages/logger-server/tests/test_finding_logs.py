"""Commands find a log by the name that its server knows, in any folder and any state."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from capabilities import SLOWNESS, needs_control_characters, needs_renames_of_open_files
from click.testing import CliRunner
from json_logger_client import JsonLoggerClient
from json_logger_client.records import DiskTail
from json_logger_server.cli import main
from json_logger_server.json_log import Durability
from json_logger_server.storage.log_file import LogFile
from logger_process import LoggerProcess
from logger_thread import FaultyDisk, LoggerThread
from own_station import RUNTIME_FOLDER
from session_sharing import ResourceFailedError


def run(*arguments: object, code: int = 0) -> str:
    """Run `json-logger`; return its standard output and error."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def run_json(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def state(own_logger: LoggerProcess) -> str:
    return f"--state-file={own_logger.state_file}"


def log_some(log: JsonLoggerClient, count: int) -> None:
    for _ in range(count):
        log.log_data("m", {}, {"v": 1})


def test_a_log_is_found_by_its_name_whether_it_is_open_or_closed(
    own_logger: LoggerProcess, state: str, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    with own_logger.client("a.ndjson") as log:
        log_some(log, 3)
        for _ in range(2):
            assert len(run("tail", "a.ndjson", state).splitlines()) == 3
            assert run_json("show", "a.ndjson", state)["records"] == 3
            assert run_json("verify", "a.ndjson", state)["records"] == 3
            assert run_json("report", "a.ndjson", state)["records"] == 3
            log.close()


def test_a_file_on_this_host_comes_before_a_log_of_the_server_with_the_same_name(
    own_logger: LoggerProcess, state: str, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    Path("a.ndjson").write_text('{"seq": 77}\n')
    with own_logger.client("a.ndjson") as log:
        log_some(log, 3)
        assert run("tail", "a.ndjson", state) == '{"seq": 77}\n'
        assert run_json("verify", "a.ndjson", state)["records"] == 1


def test_the_error_for_a_missing_log_names_the_searched_places(
    own_logger: LoggerProcess, state: str, tmp_path: Path
) -> None:
    for verb in ("tail", "verify", "report", "show", "rotate"):
        said = run(
            verb, "m\udcff.ndjson", state, code=1
        )  # on Windows, the name cannot be that of a log
        assert "There is no log" in said or "Windows has no file names with" in said
        said = run(verb, "none.ndjson", state, code=1)
        assert f"There is no log {own_logger.folder / 'none.ndjson'}." in said
    nowhere = f"--state-file={tmp_path / 'none.json'}"
    for verb in ("verify", "report"):
        assert "no server could be asked" in run(verb, "none.ndjson", nowhere, code=1)


def test_messages_begin_with_a_capital_and_name_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNTIME_FOLDER, str(tmp_path))
    said = run("ls", code=1)
    assert "nI discovery" not in said
    assert "Start a logger by `json-logger serve`" in said


def test_commands_say_at_once_that_the_process_of_a_killed_server_has_ended(
    own_logger: LoggerProcess, state: str
) -> None:
    own_logger.kill()
    started = time.monotonic()
    assert f"process {own_logger.pid}, has ended" in run("ls", state, code=1)
    assert time.monotonic() - started < 2.5 * SLOWNESS  # a server that lives is waited for longer


@needs_control_characters
def test_a_name_with_control_characters_steers_no_terminal(
    own_logger: LoggerProcess, state: str
) -> None:
    name = "a\x1b[31m\nforged.ndjson"
    (own_logger.folder / name).write_text('{"m": "\x1b[2J"}\n')
    for arguments in (["show", name], ["tail", name]):
        said = run(*arguments, state)
        assert "\x1b" not in said
        assert "\nforged" not in said


@needs_renames_of_open_files
def test_rotated_files_are_one_log_for_every_command(own_logger: LoggerProcess, state: str) -> None:
    path = own_logger.folder / "a.ndjson"
    with own_logger.client("a.ndjson") as log:
        for first in (1, 4):
            log_some(log, 3)
            said = run("rotate", "a.ndjson", state)
            assert f"The old file is now {path.with_name(f'a.{first}.ndjson')}" in said
        assert "no numbered record" in run("rotate", "a.ndjson", state)
        log_some(log, 2)
        for _ in range(2):
            assert "- a.1.ndjson\n- a.4.ndjson" in run("show", "a.ndjson", state)
            facts = run_json("show", "a.ndjson", state)
            assert (facts["records"], facts["rotated_files"]) == (8, ["a.1.ndjson", "a.4.ndjson"])
            for name in ("a.ndjson", path):
                verdict = run_json("verify", name, state)
                assert (verdict["records"], verdict["files"]) == (8, 3)
                told = run_json("report", name, state)
                assert (told["records"], told["files"]) == (8, 3)
                lines = run("tail", name, "-n", 4, "--json", state).splitlines()
                assert [json.loads(line)["seq"] for line in lines] == [5, 6, 7, 8]
            log.close()
    assert run_json("rotate", "a.ndjson", state)["rotated"] == str(path.with_name("a.7.ndjson"))
    assert "8 records in 4 files" in run("verify", path)
    path.with_name("a.4.ndjson").unlink()
    said = run("verify", path, code=1)
    assert "a.7.ndjson, line 1: its number 7 follows 3; records are missing" in said


@pytest.mark.parametrize("live", [0, 2])
def test_a_reader_on_disk_finds_the_file_that_has_a_number(tmp_path: Path, live: int) -> None:
    path = tmp_path / "a.ndjson"
    files = {"a.1.ndjson": range(1, 4), "a.4.ndjson": range(4, 9)}
    for name, seqs in {**files, "a.ndjson": range(9, 9 + live)}.items():
        path.with_name(name).write_text("".join(f'{{"seq": {seq}}}\n' for seq in seqs))
    for wanted in range(1, 12):
        with DiskTail(path) as tail:
            tail.go_to(wanted)
            found = [json.loads(line)["seq"] for line in tail.more()]
        assert found == list(range(wanted, 9 + live))


class Tail:
    """`json-logger tail -f` as a process."""

    def __init__(self, *arguments: str) -> None:
        words = [sys.executable, "-m", "json_logger_server", "tail", "-f", "-n", "1", "--json"]
        self.process = subprocess.Popen([*words, *arguments], stdout=subprocess.PIPE)

    def seq(self) -> int:
        assert self.process.stdout is not None
        return int(json.loads(self.process.stdout.readline())["seq"])

    def stop(self) -> int:
        """End the command as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_a_tail_of_a_closed_log_shows_what_is_logged_later(
    own_logger: LoggerProcess, state: str
) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 1)
    tail = Tail("a.ndjson", state)
    try:
        assert tail.seq() == 1
        for _ in range(2):
            with own_logger.client("a.ndjson") as log:
                log_some(log, 2)
        assert [tail.seq() for _ in range(4)] == [2, 3, 4, 5]
    finally:
        tail.kill()


@needs_renames_of_open_files
def test_a_tail_continues_when_its_log_is_closed_and_opened_again(
    own_logger: LoggerProcess, state: str
) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 1)
        tail = Tail("a.ndjson", state)
        try:
            assert tail.seq() == 1
            log_some(log, 1)
            assert tail.seq() == 2
            log.close()
            with own_logger.client("a.ndjson") as again:
                for seq in range(3, 8):
                    log_some(again, 1)
                    run("rotate", "a.ndjson", state)
                    assert tail.seq() == seq
        finally:
            assert tail.stop() == 0


@needs_renames_of_open_files
def test_a_tail_of_a_closed_log_follows_it_over_rotations(
    own_logger: LoggerProcess, state: str
) -> None:
    with own_logger.client("a.ndjson") as log:
        log_some(log, 2)
    tail = Tail("a.ndjson", state)
    try:
        assert tail.seq() == 2
        with own_logger.client("a.ndjson") as log:
            for _ in range(3):
                log_some(log, 2)
                run("rotate", "a.ndjson", state)
            assert [tail.seq() for _ in range(6)] == [3, 4, 5, 6, 7, 8]
    finally:
        assert tail.stop() == 0


def test_a_log_that_cannot_be_closed_is_reported_and_listed_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failing close replaces a network disk, which reports lost data late."""
    closed = LogFile.close

    def fail(file: LogFile) -> None:
        closed(file)
        raise OSError(5, "Input/output error")

    with LoggerThread(tmp_path, FaultyDisk(), Durability.FLUSHED) as logger:
        connect = logger.connect()
        monkeypatch.setenv("JSON_LOGGER_TARGET", connect.target)
        token = tmp_path / "token"
        token.write_text(connect.token)
        monkeypatch.setenv("JSON_LOGGER_TOKEN_FILE", str(token))
        monkeypatch.setenv(RUNTIME_FOLDER, str(tmp_path))
        log = logger.client("a.ndjson")
        with monkeypatch.context() as patch:
            patch.setattr(LogFile, "close", fail)
            with pytest.raises(ResourceFailedError, match="Input/output error"):
                log.close()
        assert "FAILED" in run("ls")
        assert "Input/output error" in run_json("ls")[0]["failed"]
        assert "Input/output error" in run_json("show", "a.ndjson")["failed"]
        logger.client("a.ndjson").close()
        assert run_json("ls") == []
