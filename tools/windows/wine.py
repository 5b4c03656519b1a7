"""A Windows of its own under Wine: made on a disk in memory, and gone after use."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from libraries import RANDOM_DLL, random_dll
from localhost import with_localhost
from own_space import own_space

INSTALL = "apt-get install -y --no-install-recommends wine64"
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in it is made by mkdtemp

_SERVICES = r"HKLM\System\CurrentControlSet\Services"
NI_KEY = r"HKLM\SOFTWARE\National Instruments\Common\Installer"


@dataclass(frozen=True)
class Wine:
    """A Wine that runs programs of Windows."""

    program: str
    """Path of wine64."""

    folder: Path
    """Holds the prefix (Windows' drive C and registry) and the folder of temporary files."""

    space: list[str]
    """What must stand before a command that runs beside this Windows: see `own_space`."""

    @property
    def command(self) -> list[str]:
        """Wine, with what must stand before it."""
        return [*self.space, *with_localhost([self.program], self.folder / "hosts")]

    @property
    def prefix(self) -> Path:
        """Windows' drive C and registry."""
        return self.folder / "prefix"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which Wine runs programs of this Windows."""
        hidden = {"DISPLAY", "WAYLAND_DISPLAY", "PYTHONPATH", "PYTHONHOME", "TEMP", "TMP", "TMPDIR"}
        return {k: v for k, v in os.environ.items() if k not in hidden} | {
            "WINEPREFIX": str(self.prefix),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",
            "LC_ALL": "C.UTF-8",  # file names beyond ASCII
            # Programs need not compile again what they import.
            "PYTHONPYCACHEPREFIX": windows_path(self.folder / "bytecode"),
        }

    def run(self, *arguments: str) -> str:
        """Run a program of Windows to its end, and return what it printed.

        Raises:
            subprocess.CalledProcessError: It failed; the error has the output.
        """
        # Python refuses a console that is no console of Windows: all three streams are piped.
        done = subprocess.run(
            [*self.command, *arguments],
            env=self.environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.stdout.decode("utf-8", "replace").strip()

    def restart(self) -> None:
        """End every process of this Windows; the next command starts it again."""
        server = str(Path(self.program).resolve().with_name("wineserver"))
        for option in ("-k", "-w"):
            subprocess.run([*self.space, server, option], env=self.environment, check=False)

    def end_all(self) -> None:
        """End every process of this Windows and wait until they are gone."""
        self.restart()
        # A process that waits inside the system does not notice that its server has gone.
        variable = f"WINEPREFIX={self.prefix}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if variable in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), signal.SIGKILL)


def windows_path(path: Path) -> str:
    """Return how a program under Wine names a file of this machine."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


def find_wine() -> str:
    """Return the path of wine64.

    Raises:
        FileNotFoundError: Wine is not installed; the message says how to install it.
    """
    for name in ("wine64", "/usr/lib/wine/wine64", "wine"):
        if found := shutil.which(name):
            return found
    raise FileNotFoundError(f"wine64 is not installed; install it: {INSTALL}")


@contextlib.contextmanager
def running_wine(program: str, cache: Path) -> Iterator[Wine]:
    """Make a Windows, give it, and remove it with every process that runs in it.

    The Windows lies in memory: on ext4, Wine refuses the lock beyond the end of a log file.
    """
    memory = MEMORY if MEMORY.is_dir() else None
    with own_space() as space:
        folder = Path(tempfile.mkdtemp(prefix="windows-", dir=memory))
        wine = Wine(program, folder, space)
        try:
            _boot(wine, cache)
            yield wine
        finally:
            wine.end_all()
            shutil.rmtree(folder, ignore_errors=True)


def _boot(wine: Wine, cache: Path) -> None:
    wine.run("wineboot", "-i")
    temporary = wine.folder / "temp"
    temporary.mkdir()
    values = [(r"HKCU\Software\Wine", "Version", "win10")]
    values += [(r"HKCU\Environment", name, windows_path(temporary)) for name in ("TEMP", "TMP")]
    # NI's software has this value: the folder in which its SDK looks for a discovery service.
    values.append((NI_KEY, "NIPUBAPPDATADIR", r"C:\ProgramData\platform-sim"))
    for key, name, value in values:
        wine.run("reg", "add", key, "/v", name, "/d", value, "/f")
    # Each look at a file asks this service which volume has the file, one after the other.
    # Without it the number of each volume is 0.
    start = ["/v", "Start", "/t", "REG_DWORD", "/d", "4", "/f"]
    wine.run("reg", "add", rf"{_SERVICES}\MountMgr", *start)
    wine.restart()
    system = wine.prefix / "drive_c" / "windows" / "system32"
    if not (system / RANDOM_DLL).exists():
        shutil.copy(random_dll(cache), system)
