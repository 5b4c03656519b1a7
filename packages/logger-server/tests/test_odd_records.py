"""Every record that the logger accepts can be tailed, shown, verified and reported."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs_names_of_bytes
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_logger_client.encoding import encode_record
from json_logger_server.cli import main
from json_logger_server.cli.reading import summary as tail_line
from json_logger_server.history import encode_lines
from json_logger_server.records import decode_batch
from json_logger_server.report.page import make_page
from json_logger_server.report.reading import read_log
from json_logger_server.report.summary import summary
from json_logger_server.storage.verify import verify
from logger_process import LoggerProcess
from session_sharing import InvalidArgumentError

pytest.importorskip("plotly")

PLAIN = {
    "timestamp": "2026-01-31T12:00:00Z",
    "measurement_name": "m",
    "measurement_configurations": {},
    "measurement_outputs": {"v": 1},
}


def run(*arguments: object, code: int = 0) -> str:
    """Run `json-logger`; return its standard output and error."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def read_with_everything(path: Path) -> dict[str, Any]:
    """Read a log with every reader; return the report's tables."""
    for line in path.read_bytes().splitlines():
        assert tail_line(line)
    assert verify(path).problem is None
    contents = read_log(path, by=["voltage"])
    assert make_page(contents, path).encode("utf-8", "replace")
    told = summary(contents, path)
    json.dumps(told, allow_nan=False)
    return told


texts = st.text(max_size=20) | st.sampled_from(
    ["NaN", "1e999", "0012", "[" * 5000, "1" * 512, "{}", "null", "\u202e\x1b[2J", "</script>"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=30,
)
outputs = st.dictionaries(
    texts | st.sampled_from(["measurement_sites", "measurement_pin_names"]),
    values | st.dictionaries(texts, texts, max_size=3),
    max_size=5,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("odd") / "a.ndjson"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=st.lists(st.tuples(texts, outputs, outputs), min_size=1, max_size=6))
def test_all_readers_read_any_record_that_client_and_server_accept(
    scratch: Path, records: list[tuple[str, dict[str, Any], dict[str, Any]]]
) -> None:
    """This calls the functions of client, server and readers, for speed; others run commands."""
    lines = []
    for name, configurations, values in records:
        try:
            lines.append(encode_record(name, configurations, values).line)
        except InvalidArgumentError:
            continue
    taken = decode_batch(b"\n".join(lines), len(lines)) if lines else []
    for seq, record in enumerate(taken, start=1):
        record.seq, record.client, record.client_seq = seq, "c", seq
    scratch.write_bytes(encode_lines([*taken]))
    told = read_with_everything(scratch)
    assert (told["records"], told["unreadable"]) == (len(lines), 0)


UNLUCKY = {
    "digits": {"pattern": "1" * 512},
    "brackets": {"comment": "[" * 5000},
    "texts": {"serial": "0012", "lot": "1234567", "flag": "true", "ver": "1e5", "big": "1e999"},
    "not a number": {"v": math.nan},
    "controls": {"t": "\x1b[2Jgone\u202e"},
    "nested": {"v": {"a": {"b": [1, 2]}}},
}


@pytest.mark.parametrize("values", UNLUCKY.values(), ids=UNLUCKY)
def test_an_unusual_record_is_tailed_shown_verified_and_reported(
    own_logger: LoggerProcess, values: dict[str, Any]
) -> None:
    state = f"--state-file={own_logger.state_file}"
    with own_logger.client("a.ndjson") as log:
        log.log_data("ok", {}, {"v": 1.0})
        log.log_data("unlucky", {}, values)
        for _ in range(2):  # while it is open, and when it is closed
            assert "unlucky" in run("tail", "a.ndjson", state)
            assert "records: 2" in run("show", "a.ndjson", state)
            assert "2 records" in run("verify", "a.ndjson", state)
            assert "2 records" in run("report", "a.ndjson", state)
            log.close()
    assert "\x1b" not in run("tail", own_logger.folder / "a.ndjson", state)


def test_text_that_looks_like_a_number_is_text(own_logger: LoggerProcess) -> None:
    path = own_logger.folder / "a.ndjson"
    with own_logger.client("a.ndjson") as log:
        log.log_data("unlucky", {"lot": "1234567"}, UNLUCKY["texts"])
    (measurement,) = json.loads(run("report", path, "--json"))["measurements"]
    assert measurement["configurations"] == {"lot": {"1234567": 1}}
    found = {output["name"]: output["texts"] for output in measurement["outputs"]}
    assert found == {name: {"": {text: 1}} for name, text in UNLUCKY["texts"].items()}


def test_an_unusual_value_is_left_out_alone_and_the_page_counts_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(
        json.dumps(
            {**PLAIN, "measurement_outputs": {"v": 1.5, "w": [[1, 2], [3, 4]]}, "client": "c"}
        )
        + "\nno record\n"
    )
    told = json.loads(run("report", path, "--json"))
    assert (told["records"], told["unreadable"], told["left_out"]) == (1, 1, 2)
    run("report", path)
    page = path.with_name("a.ndjson.html").read_text(encoding="utf-8")
    assert "Left out: 1 line that is not a record and 2 values that cannot be shown." in page


def lines_of(*records: dict[str, Any]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


FOREIGN = {
    "naive times": lines_of(
        {**PLAIN, "timestamp": "2026-01-31T12:00:00"},
        {**PLAIN, "timestamp": "2026-01-31T12:00:01Z"},
    ),
    "CR LF": lines_of(PLAIN).replace(b"\n", b"\r\n"),
    "huge integer": lines_of(PLAIN).replace(b"1}}", b"1" * 5000 + b"}}"),
    "half a surrogate pair": lines_of({**PLAIN, "measurement_name": "\ud800"}),
    "far time": lines_of({**PLAIN, "timestamp": "0001-01-01T00:00:00+12:00"}),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_log_of_another_program_is_read_as_far_as_possible(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(content)
    assert run("tail", path)
    assert "in order" in run("verify", path)
    assert "record" in run("report", path)


def test_a_record_nested_3000_deep_breaks_no_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    deep = lines_of(PLAIN).replace(b"1}}", b"[" * 3000 + b"1" + b"]" * 3000 + b"}}")
    path.write_bytes(lines_of(PLAIN) + deep)
    assert len(run("tail", path).splitlines()) == 2
    said = CliRunner().invoke(main, ["verify", str(path)])
    assert "in order" in said.output or "line 2: it is nested too deeply" in said.output
    assert "records" in run("report", path)


NO_LOGS = {
    "a byte order mark": b"\xef\xbb\xbf" + lines_of(PLAIN),
    "UTF-16": lines_of(PLAIN).decode().encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00" + b"\0" * 30,
}


@pytest.mark.parametrize(("what", "content"), NO_LOGS.items(), ids=NO_LOGS)
def test_all_commands_give_the_same_verdict_on_a_file_that_is_not_a_log(
    own_logger: LoggerProcess, what: str, content: bytes
) -> None:
    path = own_logger.folder / "a.ndjson"
    path.write_bytes(content)
    state = f"--state-file={own_logger.state_file}"
    with pytest.raises(InvalidArgumentError, match=what) as refused:
        own_logger.client("a.ndjson")
    for verb in ("tail", "verify", "report", "show"):
        assert str(refused.value) in run(verb, path, state, code=1)
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_usual_names_of_json_files_are_names_of_logs(own_logger: LoggerProcess, name: str) -> None:
    with own_logger.client(name) as log:
        assert log.log_data("m", {}, {}) == 1


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run `json-logger` as a process with these variables beside the test's own."""
    words = [sys.executable, "-m", "json_logger_server", *map(os.fsencode, map(str, arguments))]
    return subprocess.run(words, capture_output=True, env={**os.environ, **environment})


@pytest.fixture
def german(own_logger: LoggerProcess) -> Path:
    with own_logger.client("messung µA.ndjson") as log:
        log.log_data("StrömΩ", {}, {"µA": "€", "s": "日本"})
    return own_logger.folder / "messung µA.ndjson"


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=["C locale", "cp1252", "ascii"],
)
def test_commands_work_on_outputs_that_cannot_show_every_character(
    german: Path, environment: dict[str, str]
) -> None:
    for verb in ("tail", "verify", "report"):
        done = command(verb, german, **environment)
        assert done.returncode == 0, done.stderr.decode()
    assert "messung µA.ndjson" in german.with_name("messung µA.ndjson.html").read_text("utf-8")
    raw = command("tail", german, "--json", **environment)
    assert raw.stdout == german.read_bytes()


@needs_names_of_bytes
def test_a_log_with_a_name_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"m\xff.ndjson")
    path.write_bytes(lines_of(PLAIN))
    for verb in ("tail", "verify", "report"):
        done = command(verb, path)
        assert done.returncode == 0, done.stderr.decode()


def test_a_command_ends_silently_when_the_reader_of_its_output_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines_of(*[PLAIN] * 20_000))
    words = [sys.executable, "-m", "json_logger_server", "tail", str(path), "-n", "20000"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        tail.stdout.readline()
        tail.stdout.close()
        assert tail.stderr.read() == b""
