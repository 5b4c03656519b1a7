"""Run loggers and consoles as processes, in a runtime folder of their own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import httpx
import psutil
from json_logger_client import ConnectOptions, JsonLoggerClient
from own_station import RUNTIME_FOLDER
from session_sharing.stop_event import ask_to_stop


class Program:
    """A process with a ready line. It is killed at the end if it still runs."""

    def __init__(self, station: Station, name: str, *command: str) -> None:
        self.errors = station.folder / f"{name}.err"
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                cwd=station.folder,
                env=station.environment,
                text=True,
            )
        assert self.process.stdout is not None
        self.ready_line = self.process.stdout.readline()
        if not self.ready_line:
            raise AssertionError(self.errors.read_text("utf-8", "replace"))

    @property
    def pid(self) -> int:
        """Of the program itself: on Windows, the Python of an environment starts another one."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return children[-1].pid if children and os.name == "nt" else self.process.pid

    def stop(self) -> int:
        """Ask it to stop as a user does, and return its exit code."""
        ask_to_stop(self.pid)
        return self.process.wait(30)

    def kill(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
        self.process.kill()
        self.process.wait()

    def suspend(self) -> None:
        psutil.Process(self.pid).suspend()

    def end(self) -> None:
        self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Console(Program):
    """A console."""

    def __init__(self, station: Station, *options: str, name: str = "console") -> None:
        self.station = station
        self.state_file = station.folder / f"{name}.json"
        super().__init__(
            station,
            name,
            "measurement_console",
            "--no-browser",
            f"--state-file={self.state_file}",
            *options,
        )
        found = re.search(r"https?://\S+", self.ready_line)
        assert found, self.ready_line
        self.link = found[0]
        self.address = self.link.partition("/enter")[0]

    def visit(self, link: str = "") -> Visitor:
        """Return a browser that has opened a link, by default a new one."""
        visitor = Visitor(self.address)
        if not link:
            secret = json.loads(self.state_file.read_text("utf-8"))["token_file"]
            key = {"Authorization": f"Bearer {Path(secret).read_text('utf-8').strip()}"}
            token = visitor.client.post("/link", headers=key).json()["token"]
            link = f"{self.address}/enter?token={token}"
        answer = visitor.client.get(link)
        assert answer.status_code == 200, answer.text
        return visitor

    def new_link(self) -> str:
        """Return what `measurement-console link` prints."""
        done = subprocess.run(
            [sys.executable, "-m", "measurement_console", "link", "--state-file", self.state_file],
            capture_output=True,
            text=True,
            env=self.station.environment,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def check_unharmed(self) -> None:
        """Check that the console runs and has had no unexpected error."""
        assert self.process.poll() is None
        assert "Traceback" not in self.errors.read_text("utf-8", "replace")


class Visitor:
    """A browser without a screen."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = httpx.Client(base_url=address, timeout=30, trust_env=False, verify=False)

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def csrf(self) -> str:
        found = re.search(r'X-CSRF-Token": "([^"]+)"', self.page("/now"))
        assert found
        return found[1]

    def post(self, path: str, **data: str) -> httpx.Response:
        """Post as the console's own pages do."""
        headers = {"Origin": self.address, "X-CSRF-Token": self.csrf(), "HX-Request": "true"}
        return self.client.post(path, data=data, headers=headers)

    def live_address(self, path: str) -> str:
        """Return the address of a page's stream, as the page says."""
        found = re.search(r'hx-sse:connect="([^"]+)"', self.page(path))
        assert found
        return found[1].replace("&amp;", "&")

    @contextlib.contextmanager
    def live(self, path: str, last_id: str = "") -> Iterator[Iterator[Event]]:
        """Open the stream of a page; `last_id` continues a broken one."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        with self.client.stream("GET", self.live_address(path), headers=headers) as answer:
            assert answer.status_code == 200
            yield _events(answer)


class Event:
    """An event of a stream."""

    def __init__(self, name: str, data: str, place: str) -> None:
        self.name, self.data, self.place = name, data, place

    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.data)
        return found


def _events(answer: httpx.Response) -> Iterator[Event]:
    name, place, data = "", "", list[str]()
    for line in answer.iter_lines():
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            name = value
        elif key == "id":
            place = value
        elif key == "data":
            data.append(value)
        elif not line and (data or name):
            yield Event(name, "\n".join(data), place)
            name, place, data = "", "", []


class Station:
    """A folder with everything that a logger and a console write."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="co-"))
        self.environment = {**os.environ, RUNTIME_FOLDER: str(self.folder / "r")}
        (self.folder / "r").mkdir(mode=0o700)
        self._programs: list[Program] = []

    @property
    def logger_state(self) -> Path:
        return self.folder / "r" / "session-sharing" / "json-logger.json"

    def start(self, name: str, *command: str) -> Program:
        """Start a program by its module and arguments; wait for its first line."""
        program = Program(self, name, *command)
        self._programs.append(program)
        return program

    def start_logger(self, *options: str) -> Program:
        return self.start(
            "logger",
            "json_logger_server",
            "serve",
            "--no-discovery",
            f"--state-file={self.logger_state}",
            f"--log-root={self.folder}",
            *options,
        )

    def start_console(self, *options: str, name: str = "console") -> Console:
        console = Console(self, *options, name=name)
        self._programs.append(console)
        return console

    def open_log(self, name: str = "test.ndjson") -> JsonLoggerClient:
        """Open a log of the logger that runs."""
        return JsonLoggerClient(name, connection=ConnectOptions.from_state_file(self.logger_state))

    def path_of(self, name: str = "test.ndjson") -> str:
        return str((self.folder / name).resolve())

    def __enter__(self) -> Station:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for program in self._programs:
            program.end()
        shutil.rmtree(self.folder, ignore_errors=True)
