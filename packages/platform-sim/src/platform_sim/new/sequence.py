"""Make the files of a new sequence: a description, and a pin map if none is given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from plugin_kit.calling import PluginMetadata

from platform_sim.new.errors import NewProjectError
from platform_sim.pin_map.draft import draft_pin_map
from platform_sim.sequence.description_writer import description_text
from platform_sim.sequence.draft import draft_sequence, pins_of

_HEAD = """\
# The steps of a sequence. Build the sequence file from it: platform-sim sequence build {file}
# Values are TestStand expressions. docs/reference/sequence-descriptions.md lists all keys.
"""


def sequence_files(
    folder: Path, plugins: Mapping[str, PluginMetadata], pin_map: Path | None
) -> dict[str, bytes]:
    """Return the files of a sequence that measures with each plug-in, by relative path.

    Args:
        folder: Folder of the sequence; its name is the name of the files.
        plugins: Metadata by service class, in the order of the steps.
        pin_map: A pin map that exists, or None to draft one.

    Raises:
        NewProjectError: The pin map is on another drive.
        UnsupportedError: A parameter has a type that a description cannot express.
    """
    name = folder.resolve().name
    files = {}
    if pin_map is None:
        path = f"{name}.pinmap"
        files[path] = draft_pin_map(pins_of(plugins)).encode()
    else:
        path = _relative(pin_map, folder)
    description = f"{name}.toml"
    text = _HEAD.format(file=description) + description_text(draft_sequence(plugins, path))
    return {description: text.encode(), **files}


def _relative(pin_map: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(pin_map.resolve(), folder.resolve())).as_posix()
    except ValueError as error:
        raise NewProjectError(
            f"{pin_map} is on another drive than {folder}. Copy it into the folder."
        ) from error
