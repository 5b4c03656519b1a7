"""Files of the Python index, fetched once and pinned by their hash."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

DEFAULT_INDEX = "https://pypi.org/simple/"


@dataclass(frozen=True)
class IndexFile:
    """A file that a package index offers."""

    project: str
    """Name of the project, as it stands in the index."""

    name: str
    """Name of the file."""

    sha256: str
    """What the file must be."""


def fetch(file: IndexFile, cache: Path) -> Path:
    """Return the path of a file in the cache, and download the file if the cache lacks it.

    The file comes from the index that pip uses (PIP_INDEX_URL).

    Raises:
        ValueError: The index lacks the file, or the file is another one than the pinned one.
    """
    path = cache / file.name
    if path.exists() and _sha256(path.read_bytes()) == file.sha256:
        return path
    content = _read(_address(file))
    if _sha256(content) != file.sha256:
        raise ValueError(f"{file.name}: the index has another file than the one with this hash")
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
    return path


def _address(file: IndexFile) -> str:
    page = os.environ.get("PIP_INDEX_URL", DEFAULT_INDEX).rstrip("/") + f"/{file.project}/"
    for link in re.findall(r'href="([^"]+)"', _read(page).decode()):
        address = urllib.parse.urljoin(page, link)
        if urllib.parse.urlsplit(address).path.endswith(f"/{file.name}"):
            return address
    raise ValueError(f"the index page {page} has no file {file.name}")


def _read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=120) as answer:  # noqa: S310 - the user's index
        content: bytes = answer.read()
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
