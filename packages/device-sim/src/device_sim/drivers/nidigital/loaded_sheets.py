"""The specifications and sheets that a session has loaded."""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import TypeVar

from lxml import etree

from device_sim.drivers.nidigital.errors import ERRORS
from device_sim.drivers.nidigital.files.formulas import FormulaError, Formulas
from device_sim.drivers.nidigital.files.sheets import (
    LevelSet,
    TimeSetRow,
    levels_of,
    read_specifications,
    time_sets_of,
)
from device_sim.drivers.nidigital.files.xml import parse
from device_sim.errors import INVALID_VALUE, DriverError

F = TypeVar("F")

_MOST = 256
"""The most files of a kind."""


class LoadedSheets:
    """The files by the path that the client gave."""

    def __init__(self) -> None:
        self._specifications: dict[str, dict[str, str]] = {}
        self._levels: dict[str, etree._Element] = {}
        self._timing: dict[str, etree._Element] = {}

    def load_specifications(self, path: str, content: bytes) -> None:
        """Load variables.

        Raises:
            DriverError: The file has an error.
        """
        self._specifications[path] = read_specifications(content)
        _check_count(self._specifications)

    def unload_specifications(self, path: str) -> None:
        """Forget the variables of a file.

        Raises:
            DriverError: It is not loaded.
        """
        if self._specifications.pop(path, None) is None:
            raise DriverError(INVALID_VALUE, f"{path} is not loaded.")

    def load_levels(self, path: str, content: bytes) -> None:
        """Load a levels sheet. Its variables must be loaded.

        Raises:
            DriverError: The file has an error.
        """
        sheet = parse(content, "PinLevelsFile")
        self._evaluate_levels(sheet)
        self._levels[path] = sheet
        _check_count(self._levels)

    def load_timing(self, path: str, content: bytes) -> None:
        """Load a timing sheet. Its variables must be loaded.

        Raises:
            DriverError: The file has an error.
        """
        sheet = parse(content, "TimingFile")
        self._evaluate_timing(sheet)
        self._timing[path] = sheet
        _check_count(self._timing)

    def levels(self, sheet: str) -> list[LevelSet]:
        """Return the levels of a sheet.

        Args:
            sheet: Its path, or the name of its file without the ending.

        Raises:
            DriverError: It is not loaded, or a variable is not.
        """
        return self._evaluate_levels(_find(self._levels, sheet, "levels"))

    def time_sets(self, sheet: str) -> list[TimeSetRow]:
        """Return the time sets of a sheet; arguments and errors are those of `levels`."""
        return self._evaluate_timing(_find(self._timing, sheet, "timing"))

    def _evaluate_levels(self, sheet: etree._Element) -> list[LevelSet]:
        try:
            return list(levels_of(sheet, self._formulas))
        except FormulaError as error:
            raise DriverError(ERRORS.LEVELS_SHEET_FAILED, str(error)) from None

    def _evaluate_timing(self, sheet: etree._Element) -> list[TimeSetRow]:
        try:
            return list(time_sets_of(sheet, self._formulas))
        except FormulaError as error:
            raise DriverError(
                INVALID_VALUE, f"A value of the timing sheet cannot be had: {error}"
            ) from None

    @property
    def _formulas(self) -> Formulas:
        return Formulas({k: v for each in self._specifications.values() for k, v in each.items()})


def _find(sheets: dict[str, etree._Element], sheet: str, kind: str) -> etree._Element:
    if sheet in sheets:
        return sheets[sheet]
    # Stems of both kinds of paths: the client may run on another system.
    by_name = {PureWindowsPath(path).stem.lower(): path for path in sheets}
    path = by_name.get(sheet.lower())
    if path is None:
        known = ", ".join(by_name) or "none"
        raise DriverError(INVALID_VALUE, f"The {kind} sheet {sheet} is not loaded. Loaded: {known}")
    return sheets[path]


def _check_count(files: dict[str, F]) -> None:
    if len(files) > _MOST:
        files.popitem()
        raise DriverError(INVALID_VALUE, f"A session can load {_MOST} files of a kind.")
