"""A forked child process does not disturb its parent's log, and may open its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs_fork
from logger_process import LoggerProcess, records_in

pytestmark = needs_fork

FORKS = {"GRPC_ENABLE_FORK_SUPPORT": "1"}
"""Without it, gRPC's threads do not rest for a fork, and its copy in the child may abort."""
HEAD = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor
from json_logger_client import ConnectOptions, JsonLoggerClient, SessionOptions
from session_sharing.client import Connection, InheritedClientError, SessionWatch
from session_sharing.client import ClosePolicy

context = multiprocessing.get_context("fork")
connect = ConnectOptions.from_state_file(sys.argv[1])
shared = SessionOptions(close_policy=ClosePolicy.WITH_LAST_ATTACHMENT)

def client():
    return JsonLoggerClient("fork.ndjson", connection=connect, options=shared)
"""


def run(logger: LoggerProcess, program: str) -> list[str]:
    """Run a program with a logger; return the lines that it printed."""
    command = [sys.executable, "-c", HEAD + program, str(logger.state_file)]
    environment = os.environ | FORKS
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def outputs(logger: LoggerProcess) -> list[dict[str, Any]]:
    return [record["measurement_outputs"] for record in records_in(logger.folder / "fork.ndjson")]


def test_the_errors_of_inherited_clients_streams_sessions_and_watches_name_the_parent_process(
    own_logger: LoggerProcess,
) -> None:
    said = run(
        own_logger,
        """
log = client()
log.log_data("parent", {}, {"i": 0})
stream, watch = log.stream(), SessionWatch(log.connection)
def child():
    for use in (
        lambda: log.log_data("child", {}, {}),
        lambda: stream.log("child", {}, {}),
        lambda: stream.flush(),
        lambda: stream.close(),
        lambda: log.detach(),
        lambda: log.close(),
        lambda: log.reset(),
        lambda: log.stream(),
        lambda: log.call(None, None),
        lambda: log.connection.is_connected(),
        lambda: watch.get_event(0),
    ):
        try:
            use()
            print("no error", flush=True)
        except InheritedClientError as error:
            print(error, flush=True)
process = context.Process(target=child)
process.start()
process.join()
stream.log("parent", {}, {"i": 1})
stream.close()
print(process.exitcode, log.log_data("parent", {}, {"i": 2}))
log.close()
print(os.getpid())
""",
    )
    pid = said[-1]
    assert said[-2] == "0 3"
    assert len(said) == 13
    for line in said[:11]:
        assert f"belongs to the parent process {pid}" in line
        assert "Open a new one in the child process" in line


@pytest.mark.parametrize(
    "end",
    ["sys.exit(0)", "raise SystemExit", "pass", "log.__exit__(None, None, None)", "del log"],
)
def test_the_end_of_a_child_process_does_not_affect_its_parent(
    own_logger: LoggerProcess, end: str
) -> None:
    said = run(
        own_logger,
        f"""
log = client()
pid = 0
with log, log.stream() as stream:
    stream.log("parent", {{}}, {{"i": 0}})
    pid = os.fork()
    if pid == 0:
        {end}
    else:
        print(os.waitpid(pid, 0)[1])
        print(log.log_data("parent", {{}}, {{"i": 1}}) > 0)
        stream.log("parent", {{}}, {{"i": 2}})
if pid == 0:
    sys.exit(0)
""",
    )
    assert said == ["0", "True"]
    assert sorted(output["i"] for output in outputs(own_logger)) == [0, 1, 2]


@pytest.mark.parametrize("how", ["context.Process", "os.fork", "ProcessPoolExecutor"])
def test_every_number_that_a_child_with_its_own_client_gets_is_a_line(
    own_logger: LoggerProcess, how: str
) -> None:
    start = {
        "context.Process": """
children = [context.Process(target=work, args=(n,)) for n in range(3)]
for child in children: child.start()
for child in children: child.join()
assert all(child.exitcode == 0 for child in children)
""",
        "os.fork": """
def fork(n):
    pid = os.fork()
    if pid == 0:
        work(n)
        os._exit(0)
    return pid
for pid in [fork(n) for n in range(3)]:
    assert os.waitpid(pid, 0)[1] == 0
""",
        "ProcessPoolExecutor": """
with ProcessPoolExecutor(3, mp_context=context) as pool:
    list(pool.map(work, range(3)))
""",
    }[how]
    said = run(
        own_logger,
        f"""
def work(n):
    with client() as mine:
        numbers = [mine.log_data("child", {{}}, {{"n": n, "i": i}}) for i in range(20)]
        with mine.stream() as stream:
            for i in range(20, 40): stream.log("child", {{}}, {{"n": n, "i": i}})
    os.write(1, (" ".join(map(str, numbers)) + "\\n").encode())  # one write: lines stay whole
with client() as log:
    log.log_data("parent", {{}}, {{"i": 0}})
    {start.replace(chr(10), chr(10) + "    ")}
    log.log_data("parent", {{}}, {{"i": 1}})
""",
    )
    acknowledged = [int(number) for line in said for number in line.split()]
    records = records_in(own_logger.folder / "fork.ndjson")
    assert len(acknowledged) == len(set(acknowledged)) == 60
    assert len(records) == 3 * 40 + 2
    by_number = {record["seq"]: record for record in records}
    assert all(by_number[n]["measurement_name"] == "child" for n in acknowledged)
    writers = {r["writer"].split("pid ")[1] for r in records if r["measurement_name"] == "child"}
    parent = {r["writer"].split("pid ")[1] for r in records if r["measurement_name"] == "parent"}
    assert len(writers) >= 1
    assert not writers & parent


def test_a_stream_that_a_child_process_leaves_open_is_sent_at_its_end(
    own_logger: LoggerProcess,
) -> None:
    run(
        own_logger,
        """
def work():
    global stream, log
    log = client()
    stream = log.stream()
    for i in range(100): stream.log("child", {}, {"i": i})
process = context.Process(target=work)
process.start()
process.join()
""",
    )
    assert [output["i"] for output in outputs(own_logger)] == list(range(100))


def test_workers_of_pytest_xdist_share_a_log(own_logger: LoggerProcess, tmp_path: Path) -> None:
    """Each worker is a separate process with its own client."""
    test = tmp_path / "suite" / "test_many.py"
    test.parent.mkdir()
    test.write_text(
        f"""
import sys
import pytest
sys.argv = ["", {str(own_logger.state_file)!r}]
{HEAD}
@pytest.fixture(scope="session")
def log():
    with client() as log:
        yield log

@pytest.mark.parametrize("i", range(20))
def test_one(log, i):
    assert log.log_data("worker", {{}}, {{"i": i}})
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", str(test)]
    ended = subprocess.run(
        command, cwd=test.parent, capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == 0, ended.stdout
    assert sorted(output["i"] for output in outputs(own_logger)) == list(range(20))
