"""Read register maps: CSV files with the names and the initial values of a device's registers."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from session_sharing.file_errors import system_errors
from session_sharing.file_roots import FileRoots
from session_sharing.server import InvalidArgumentError, LimitExceededError

from device_comm.names import LARGEST_REGISTER_VALUE

NAME_COLUMN, VALUE_COLUMN = "Register Name", "Default Data"

_LARGEST_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class MapRoots(FileRoots):
    """The folders that may contain register maps."""

    what: ClassVar[str] = "register map"
    folder_words: ClassVar[str] = "folders for register maps"
    option: ClassVar[str] = "another --map-root"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    def read(self, name: str) -> RegisterMap:
        """Read the map that a client names; a relative name starts at the first folder.

        Raises:
            InvalidArgumentError: The name does not end with .csv, or the content is no register
                map.
            NotPermittedError: The path is outside the folders, or this user may not read it.
            ResourceNotFoundError: There is no such file.
            SessionSharingError: The file cannot be read.
        """
        path = self.resolve(name)
        handle = self.open_existing(path)
        with os.fdopen(handle, "rb") as file, system_errors(path):
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise LimitExceededError(
                f"{path} has more than {_LARGEST_FILE} bytes. Use a smaller register map.",
                limit="register_map_bytes",
            )
        return RegisterMap(path, _registers(content, path))


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """The registers of a device."""

    path: Path
    """The file, on the server's host."""
    values: Mapping[str, int]
    """Initial value by name, in the order of the file."""


def _registers(content: bytes, path: Path) -> dict[str, int]:
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        missing = {NAME_COLUMN, VALUE_COLUMN} - set(rows.fieldnames or ())
        if missing:
            raise InvalidArgumentError(
                f"{path} is not a register map: it has no column {' and no column '.join(missing)}."
            )
        found: dict[str, int] = {}
        for row in rows:
            name = row[NAME_COLUMN]
            where = f"{path}, line {rows.line_num}"
            if not name or name in found:
                raise InvalidArgumentError(
                    f"{where}: the register name {name!r} is empty or there twice. Give each "
                    "register its own name."
                )
            found[name] = _value(row[VALUE_COLUMN], where)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidArgumentError(f"{path} is not a CSV file in UTF-8: {error}") from error
    return found


def _value(text: str | None, where: str) -> int:
    try:
        value = int(text or "")
    except ValueError:
        value = -1
    if not 0 <= value <= LARGEST_REGISTER_VALUE:
        raise InvalidArgumentError(
            f"{where}: {VALUE_COLUMN} is {text!r}. Write a decimal integer from 0 to "
            f"{LARGEST_REGISTER_VALUE}."
        )
    return value
