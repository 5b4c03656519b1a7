"""The reference pages show exactly the names that users may import from the packages."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import get_origin

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "reference"
FACES = {
    "device-comm.md": ["device_comm", "device_comm.server"],
    "logger.md": [
        "json_logger_client",
        "json_logger_client.aio",
        "json_logger_client.testing",
        "json_logger_proto.names",
        "json_logger_proto.record_schema",
        "json_logger_server",
        "json_logger_server.testing",
    ],
    "platform-sim.md": ["platform_sim", "platform_sim.testing"],
    "plugin-kit.md": [
        "plugin_kit",
        "plugin_kit.calling",
        "plugin_kit.calling.extensions",
        "plugin_kit.hosting",
    ],
    "session-sharing.md": [
        "session_sharing",
        "session_sharing.cli.serving",
        "session_sharing.client",
        "session_sharing.locks",
        "session_sharing.ni",
        "session_sharing.server",
    ],
}
"""By page, the modules whose `__all__` says what users may import."""
PARTLY = {"logger.md": ["json_logger_client.records", "json_logger_server.store"]}
"""By page, the modules of which users need only some names; the others are for our commands."""
ALL_FACES = [face for faces in FACES.values() for face in faces]

_ENTRY = re.compile(
    r"^\.\. auto(?:class|data|exception|function|module):: ([\w.]+)\.(\w+)$", re.MULTILINE
)


def exported(face: str) -> set[str]:
    names = import_module(face).__all__
    assert len(names) == len(set(names))
    return set(names)


@pytest.mark.parametrize("page", FACES)
def test_a_page_shows_each_exported_name_once_and_nothing_else(page: str) -> None:
    entries = _ENTRY.findall((PAGES / page).read_text(encoding="utf-8"))

    assert {face for face, _ in entries} == {*FACES[page], *PARTLY.get(page, [])}
    assert [(face, name) for face, name in entries if name not in exported(face)] == []
    names = [name for face, name in entries if face in FACES[page]]
    assert sorted(names) == sorted(set.union(*map(exported, FACES[page])))


@pytest.mark.parametrize("face", ALL_FACES)
def test_a_face_has_every_name_that_it_lists_and_describes_it(face: str) -> None:
    module = import_module(face)

    assert exported(face) <= set(dir(module))
    for name in exported(face):
        value = getattr(module, name)
        value = get_origin(value) or value  # a type alias has no docstring
        assert isinstance(value, (str, int)) or value.__doc__, f"{face}.{name}"
