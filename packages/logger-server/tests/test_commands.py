"""The command `json-logger`: show a running server, and read files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
from click.testing import CliRunner
from json_logger_client import JsonLoggerClient
from json_logger_server.cli import main
from json_logger_server.report.reading import read_log
from logger_process import LoggerProcess
from own_station import RUNTIME_FOLDER
from session_sharing import SessionExpiredError


def run(*arguments: object, code: int = 0) -> str:
    """Run `json-logger`; return its standard output and error."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done.output


def run_json(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def log(own_logger: LoggerProcess) -> Any:
    with own_logger.client("a.ndjson", label="a test") as log:
        for number in range(20):
            log.log_data(f"m{number}", {}, {"n": number})
        yield log


@pytest.fixture
def state(own_logger: LoggerProcess) -> str:
    return f"--state-file={own_logger.state_file}"


def test_ls_lists_what_is_open(
    own_logger: LoggerProcess, log: JsonLoggerClient, state: str
) -> None:
    (found,) = run_json("ls", state)
    assert found["file"] == str(own_logger.folder / "a.ndjson")
    assert (found["records"], found["opened_by"]) == (20, "a test")
    assert re.search(r"a\.ndjson +20 +1 .*a test", run("ls", state))


def test_show_finds_a_log_by_name_by_file_or_by_the_first_characters(
    own_logger: LoggerProcess, log: JsonLoggerClient, state: str
) -> None:
    path = own_logger.folder / "a.ndjson"
    for wanted in (log.session_name, log.session_name[:8], "a.ndjson", path):
        assert run_json("show", wanted, state)["session"] == log.session_name
    assert "behavior: AUTO" in run("show", "a.ndjson", state)
    assert "No log is open for 'b.ndjson'" in run("show", "b.ndjson", state, code=1)


def test_show_without_a_session_shows_the_server_and_its_counters(
    log: JsonLoggerClient, state: str
) -> None:
    counters = run_json("show", state)["counters"]
    assert counters["records_written"] == 20
    assert counters["bytes_written"] > 20 * 100
    assert counters["sessions"] == 1
    assert "records_written: 20" in run("show", state).replace(" written", "_written")


def test_close_closes_a_log_for_its_clients(log: JsonLoggerClient, state: str) -> None:
    assert "is closed." in run("close", "a.ndjson", state)
    with pytest.raises(SessionExpiredError):
        log.log_data("too late", {}, {})
    assert run_json("ls", state) == []


def test_tail_prints_the_last_records_of_an_open_log(log: JsonLoggerClient, state: str) -> None:
    lines = run("tail", "a.ndjson", "-n", 3, "--json", state).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [18, 19, 20]
    assert re.search(r"20  20\S+Z  m19  n=19\n$", run("tail", log.session_name, state))
    assert run("tail", "a.ndjson", "-n", 0, state) == ""


def test_tail_reads_a_file_without_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("".join(f'{{"seq": {n}}}\n' for n in range(1, 31)) + '{"torn')
    monkeypatch.setenv(RUNTIME_FOLDER, str(tmp_path))
    assert run("tail", path, "-n", 2, "--json") == '{"seq": 29}\n{"seq": 30}\n'


def test_tail_follows_an_open_log_until_it_is_closed(
    own_logger: LoggerProcess, log: JsonLoggerClient, state: str
) -> None:
    command = [
        sys.executable,
        "-m",
        "json_logger_server",
        "tail",
        "a.ndjson",
        "--until-closed",
        "-n",
        "1",
    ]
    with subprocess.Popen([*command, "--json", state], stdout=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        assert json.loads(tail.stdout.readline())["seq"] == 20
        log.log_data("new", {}, {})
        assert json.loads(tail.stdout.readline())["measurement_name"] == "new"
        log.close()
        assert tail.stdout.read() == ""
        assert tail.wait(30) == 0


def test_without_a_server_a_command_says_what_to_do(tmp_path: Path) -> None:
    said = run("ls", f"--state-file={tmp_path / 'none.json'}", code=1)
    assert "Is it running?" in said


GOOD = '{"timestamp": "2026-01-01T12:00:00Z", "measurement_name": "m", '
GOOD += '"measurement_configurations": {}, "measurement_outputs": {}, "seq": %d}\n'


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (GOOD % 1 + "oops\n", 2, "not JSON"),
        (GOOD % 1 + GOOD % 2 + "[1]\n", 3, "not an object"),
        (GOOD % 1 + GOOD % 3, 2, "records are missing"),
        (GOOD % 1 + GOOD % 1, 2, "records are missing"),
        (GOOD % 1 + '{"a": NaN}\n', 2, "NaN is not a JSON value"),
        (GOOD % 1 + '{"a": 1', 2, "ends within a line"),
        ('{"seq": 1, "client": "c", "client_seq": 5}\n'
         '{"seq": 2, "client": "c", "client_seq": 5}\n', 2, "of client c twice"),
    ],
)  # fmt: skip
def test_verify_names_the_first_bad_line_and_exits_with_1(
    tmp_path: Path, content: str, line: int, reason: str
) -> None:
    path = tmp_path / "a.log"
    path.write_text(content)
    said = run("verify", path, code=1)
    assert f"line {line}: " in said
    assert reason in said


def test_verify_accepts_whole_files_and_files_of_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text('{"a": 1}\n\n' + GOOD % 1 + GOOD % 2 + '{"b": 2}\n' + GOOD % 1)
    assert "is in order: 5 records, 2 of them" in run("verify", path)
    found = run_json("verify", path)
    assert (found["ok"], found["lines"], found["problem"]) == (True, 6, None)


RECORDS = [
    {
        "timestamp": f"2026-01-01T12:00:{second:02}Z",
        "measurement_name": "Source <script>alert(1)</script>",
        "measurement_configurations": {},
        "measurement_outputs": {
            "measurement_sites": [0, 1],
            "measurement_pin_names": ["Vdd", "Vdd"],
            "voltage_measurements": [3.3, 3.3 + second / 1000],
            "in_compliance": [True, False],
        },
        "units": {"voltage_measurements": "V"},
    }
    for second in range(30)
] + [
    {
        "timestamp": "2026-01-01T13:00:00Z",
        "measurement_name": "reference",
        "measurement_configurations": {},
        "measurement_outputs": {"current": "1.5e-9", "list": "[1, 2.5]", "note": "text"},
    }
]  # fmt: skip


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    path = tmp_path / "measured.ndjson"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS) + "no record\n")
    return path


def test_a_log_is_read_as_series_by_measurement_quantity_pin_and_site(measured: Path) -> None:
    contents = read_log(measured)
    assert (contents.records, contents.unreadable) == (31, 1)
    name = RECORDS[0]["measurement_name"]
    voltage = contents.measurements[name, ""].quantities["voltage_measurements", "V"]
    assert list(voltage.series) == ["Vdd, site 0", "Vdd, site 1"]
    assert voltage.series["Vdd, site 1"].values[-1] == pytest.approx(3.329)
    texts = contents.measurements["reference", ""].quantities
    assert texts["current", ""].series[""].values[0] == 1.5e-9
    assert [series.values[0] for series in texts["list", ""].series.values()] == [1, 2.5]


def test_the_report_is_one_page_that_needs_no_other_file(measured: Path, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    page = tmp_path / "page.html"
    assert "2 measurements, 31 records" in run("report", measured, "-o", page)
    text = page.read_text(encoding="utf-8")
    assert "Vdd, site 1" in text
    assert "voltage_measurements (V)" in text
    assert "<script>alert(1)" not in text
    own = re.sub(r"<script>.*?</script>", "", text, count=1, flags=re.S)  # plotly itself
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", own)


def test_the_reports_tables_can_be_read_by_programs(measured: Path) -> None:
    with measured.open("a") as log:
        overflow = {**RECORDS[-1], "measurement_outputs": {"current": "1e999"}}
        log.write(json.dumps(overflow) + "\n")
    found = run_json("report", measured)

    assert (found["records"], found["unreadable"], found["writers"]) == (32, 1, [])
    assert (found["first"], found["last"][:13]) == ("2026-01-01T12:00:00+00:00", "2026-01-01T13")
    source, reference = found["measurements"]
    assert source["name"] == "Source <script>alert(1)</script>"
    voltage, compliance = source["outputs"]
    assert (voltage["unit"], list(voltage["places"])) == ("V", ["Vdd, site 0", "Vdd, site 1"])
    assert voltage["places"]["Vdd, site 1"] == pytest.approx(
        {"count": 30, "lowest": 3.3, "mean": 3.3145, "highest": 3.329, "last": 3.329, "missing": 0}
    )
    assert compliance["texts"] == {"Vdd, site 0": {"true": 30}, "Vdd, site 1": {"false": 30}}
    current = reference["outputs"][0]["places"][""]
    assert (current["lowest"], current["highest"], current["missing"]) == (1.5e-9, 1.5e-9, 1)
    assert not measured.with_name("measured.ndjson.html").exists()
    assert "Use one of them" in run("report", measured, "--json", "-o", "page.html", code=2)


def test_commands_that_trust_a_tls_server_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "server.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    state = f"--state-file={tmp_path / 'st.json'}"
    serve = [sys.executable, "-m", "json_logger_server", "serve", "--no-discovery", state]
    tls = ["--listen=tls:127.0.0.1:0", "--tls-certificate=server.pem", "--tls-key=server.key"]
    trusting = {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(tmp_path / "ca.pem")}
    with subprocess.Popen(
        [*serve, *tls, "--log-root=."], stdout=subprocess.PIPE, cwd=tmp_path, text=True
    ) as server:
        assert server.stdout and "ready" in server.stdout.readline()
        ls = [sys.executable, "-m", "json_logger_server", "ls", "--json", state]
        done = subprocess.run(ls, capture_output=True, text=True, env=trusting)
        server.terminate()
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("json_logger_server.cli", "grpc"),
        ("json_logger_server.cli.reading", "session_sharing.server"),
    ],
)
def test_a_command_loads_only_what_it_needs(module: str, absent: str) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    assert module in loaded
    assert absent not in loaded
