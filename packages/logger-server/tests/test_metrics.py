"""Prometheus reads the counters of a server, and no reader of them can disturb the server."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from logger_process import LoggerProcess
from processes import eventually
from prometheus_client.parser import text_string_to_metric_families

METRICS = "--metrics=tcp:127.0.0.1:0"


def address(logger: LoggerProcess) -> str:
    """Return where a logger serves its counters; its log on standard error says it."""
    said = (logger.folder / "server.err").read_text()
    (found,) = re.findall(r"http://\S+/metrics", said)
    return str(found)


def metrics(logger: LoggerProcess) -> dict[str, float]:
    with urllib.request.urlopen(address(logger), timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def refusal(tmp_path: Path, *options: str) -> str:
    """Start a logger that must refuse its options; return what it says."""
    command = [
        sys.executable,
        "-m",
        "json_logger_server",
        "serve",
        f"--log-root={tmp_path}",
        "--no-discovery",
    ]
    state = f"--state-file={tmp_path / 'refused.json'}"
    ended = subprocess.run([*command, state, *options], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stdout
    return " ".join(ended.stderr.split())


def test_prometheus_reads_what_the_server_has_counted(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, METRICS) as logger:
        before = metrics(logger)
        assert before["json_logger_records_written_total"] == 0
        assert before["json_logger_sessions_opened_total"] == 0
        assert before["json_logger_info"] == 1
        with logger.client("a.ndjson") as log:
            for number in range(20):
                log.log_data("a", {}, {"i": number})
            meanwhile = metrics(logger)
        after = metrics(logger)
    assert meanwhile["json_logger_records_written_total"] == 20
    assert meanwhile["json_logger_bytes_written_total"] > 20 * 100
    assert (meanwhile["json_logger_sessions"], after["json_logger_sessions"]) == (1, 0)
    assert after["json_logger_sessions_closed_total"] == 1
    assert after["json_logger_calls_total"] > before["json_logger_calls_total"]


def test_other_pages_and_methods_are_refused(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, METRICS) as logger:
        for url, data, status in (
            (address(logger) + "?x=1", None, 200),
            (address(logger).replace("metrics", ""), None, 404),
            (address(logger), b"text", 405),
        ):
            try:
                with urllib.request.urlopen(url, data, timeout=60) as answer:
                    assert answer.status == status
            except urllib.error.HTTPError as error:
                assert error.code == status


def test_hundreds_of_slow_readers_do_not_hurt_the_logger(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, METRICS) as logger, logger.client("a.ndjson") as log:
        log.log_data("a", {}, {})
        host, port = re.findall(r"//(.+):(\d+)/", address(logger))[0]
        with ExitStack() as stack:
            for _ in range(500):
                connection = stack.enter_context(socket.create_connection((host, int(port)), 60))
                with contextlib.suppress(OSError):  # it may be one too many
                    connection.sendall(b"GET /metrics HTTP/1.1\r\n")  # and no more
            began = time.monotonic()
            for number in range(100):
                log.log_data("b", {}, {"i": number})
            assert time.monotonic() - began < 20

        def can_be_read() -> bool:
            try:
                return metrics(logger)["json_logger_records_written_total"] == 101
            except OSError:
                return False

        eventually(can_be_read, within=60)  # the slow ones have been cut off


def test_what_is_no_http_is_cut_off(tmp_path: Path) -> None:
    with LoggerProcess(tmp_path, METRICS) as logger:
        host, port = re.findall(r"//(.+):(\d+)/", address(logger))[0]
        with socket.create_connection((host, int(port)), 60) as connection:
            connection.sendall(b"x" * 100_000)
            with contextlib.suppress(ConnectionError):
                while connection.recv(1000):
                    pass
        assert metrics(logger)["json_logger_sessions"] == 0
        assert logger.terminate() == 0
        assert "Traceback" not in (logger.folder / "server.err").read_text()


def test_a_port_in_use_and_an_address_that_others_reach_are_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refusal(tmp_path, f"--metrics=tcp:127.0.0.1:{port}")
        assert f"cannot show its metrics at 127.0.0.1:{port}" in said
        assert "Choose another port for --metrics" in said
    assert not (tmp_path / "refused.json").exists()
    assert "Other hosts could read the counters" in refusal(tmp_path, "--metrics=tcp:0.0.0.0:0")
    assert "Write tcp:HOST:PORT" in refusal(tmp_path, "--metrics=unix:/x")
    assert "is not an address" in refusal(tmp_path, "--metrics=9100")


def test_without_the_extra_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    script = tmp_path / "without_extra.py"
    script.write_text(
        "import sys\nsys.modules['prometheus_client'] = None\n"
        "from json_logger_server.cli import main\nmain()\n"
    )
    command = [sys.executable, str(script), "serve", "--no-discovery", METRICS]
    state = f"--state-file={tmp_path / 'refused.json'}"
    ended = subprocess.run([*command, state], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "pip install 'json-logger-server[metrics]'" in " ".join(ended.stderr.split())
