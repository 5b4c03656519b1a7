"""The wheels of a release: their requirements, their problems, and which ones an index lacks."""

from __future__ import annotations

import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ALLOWED_AT_TOP = {"platform_sim_hook.pth"}
"""Files beside the one package folder. Python reads the hook only at the top."""

REQUIRED_METADATA = ("Summary", "License-Expression", "Requires-Python", "Description-Content-Type")


class Wheel:
    """One built wheel."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with zipfile.ZipFile(path) as archive:
            self.files = archive.namelist()
            name = next(n for n in self.files if n.endswith(".dist-info/METADATA"))
            self.metadata: Message = Parser().parsestr(archive.read(name).decode())
        self.name = canonicalize_name(self.metadata["Name"])
        self.version = self.metadata["Version"]
        self.requires = [Requirement(r) for r in self.metadata.get_all("Requires-Dist") or []]

    def problems(self) -> Iterator[str]:
        """Yield the reasons why the wheel must not be published."""
        folders = {file.split("/")[0] for file in self.files if "/" in file}
        packages = {folder for folder in folders if not folder.endswith(".dist-info")}
        if len(packages) != 1:
            names = ", ".join(sorted(packages))
            yield f"it must have one package, but has {len(packages)}: {names}"
        stray = {file for file in self.files if "/" not in file} - ALLOWED_AT_TOP
        ours = [file for file in self.files if "/templates/" not in file]  # those have tests
        stray |= {f for f in ours if "__pycache__" in f or "/tests/" in f or f.endswith(".env")}
        if stray:
            yield f"it has files that do not belong into a wheel: {', '.join(sorted(stray))}"
        for wanted in ("py.typed", "licenses/LICENSE"):
            if not any(file.endswith(wanted) for file in self.files):
                yield f"{wanted} is missing"
        for requirement in self.requires:
            if requirement.url:
                yield f"it requires a path or address: {requirement}"
            elif not requirement.specifier:
                yield f"it requires any version: {requirement}"
        for field in (
            "Summary",
            "License-Expression",
            "Requires-Python",
            "Description-Content-Type",
        ):
            if not self.metadata[field]:
                yield f"its metadata has no {field}"


class Wheels:
    """All wheels in a folder."""

    def __init__(self, folder: Path) -> None:
        wheels = (Wheel(path) for path in sorted(folder.glob("*.whl")))
        self._wheels = {wheel.name: wheel for wheel in wheels}

    def __iter__(self) -> Iterator[Wheel]:
        return iter(self._wheels.values())

    def split(self, wanted: Iterable[str]) -> tuple[list[Path], list[str]]:
        """Follow the requirements of some distributions.

        Returns:
            Our own wheels that are needed, and the requirements of packages of others.
        """
        ours: dict[str, Path] = {}
        others: set[str] = set()
        seen: set[str] = set()
        queue = [Requirement(text) for text in wanted]
        while queue:
            requirement = queue.pop()
            requirement.marker = None  # it is true here, otherwise it would not be in the queue
            if str(requirement) in seen:
                continue
            seen.add(str(requirement))
            wheel = self._wheels.get(canonicalize_name(requirement.name))
            if wheel is None:
                others.add(str(requirement))
                continue
            ours[wheel.name] = wheel.path
            for inner in wheel.requires:
                extras = {"", *requirement.extras}
                if inner.marker is None or any(inner.marker.evaluate({"extra": e}) for e in extras):
                    queue.append(inner)
        return sorted(ours.values()), sorted(others)

    def new_to(self, index: str) -> list[Wheel]:
        """Return the wheels that a package index does not have.

        Args:
            index: Address of its simple API, ending with a slash.
        """
        return [wheel for wheel in self if wheel.path.name not in _page(f"{index}{wheel.name}/")]


def _page(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - given by the user
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return ""
        raise
