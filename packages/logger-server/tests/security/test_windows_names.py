"""P9: a name that means a stream or a device on Windows is refused; one file has one name."""

from __future__ import annotations

from pathlib import Path

import pytest
from capabilities import needs_long_paths, only_windows
from logger_process import LoggerProcess, records_in
from session_sharing import InvalidArgumentError, NotAResourceError
from session_sharing.windows_names import (
    plain_name,
    with_prefix_if_long,
    without_prefix,
)

REFUSED = [
    "a.ndjson:x.log",
    "a.log::$DATA.log",
    r"C:a.log:b.log",
    "NUL.log",
    "nul .log",
    r"folder\COM1.txt",
    "COM\u00b9.log",
    "CON.x.log",
    "conout$.log",
    r"aux\a.log",
    r"\\.\COM1.log",
    r"\\.\pipe\a.log",
    r"\\?\GLOBALROOT\a.log",
    r"folder.\a.log",
    "folder /a.log",
    "a?.log",
    "a|b.log",
    'a".log',
    "x" * 300 + ".log",
]


@pytest.mark.parametrize("name", REFUSED)
def test_names_of_streams_and_devices_and_names_that_windows_changes_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        plain_name(name)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.log", "a.log"),
        (r"..\J ö\100% a&b.log", r"..\J ö\100% a&b.log"),
        ("nulls.log", "nulls.log"),
        ("com10.log", "com10.log"),
        (r"C:\logs\a.log", r"C:\logs\a.log"),
        (r"\\?\C:\logs\a.log", r"C:\logs\a.log"),
        (r"//?/C:\logs\a.log", r"C:\logs\a.log"),
        (r"\\.\C:\logs\a.log", r"C:\logs\a.log"),
        (r"\\?\UNC\server\share\a.log", r"\\server\share\a.log"),
        (r"\\server\share\a.log", r"\\server\share\a.log"),
    ],
)
def test_other_names_are_taken_in_their_plain_form(name: str, plain: str) -> None:
    assert plain_name(name) == plain


LONG = "\\".join(["x" * 60] * 4)


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (r"C:\logs\a.log", r"C:\logs\a.log"),
        (rf"C:\{LONG}\a.log", rf"\\?\C:\{LONG}\a.log"),
        (rf"\\server\share\{LONG}\a.log", rf"\\?\UNC\server\share\{LONG}\a.log"),
        (rf"\\?\C:\{LONG}\a.log", rf"\\?\C:\{LONG}\a.log"),
    ],
)
def test_a_long_path_is_written_as_windows_takes_it(path: str, written: str) -> None:
    assert with_prefix_if_long(path) == written
    assert without_prefix(written) == without_prefix(path)


@only_windows
@pytest.mark.parametrize("name", REFUSED)
def test_a_logger_on_windows_refuses_them_and_leaves_nothing(
    name: str, logger: LoggerProcess
) -> None:
    before = sorted(logger.folder.rglob("*"))
    with pytest.raises(InvalidArgumentError):
        logger.client(name)
    assert sorted(logger.folder.rglob("*")) == before


@only_windows
def test_on_windows_all_spellings_of_a_file_mean_one_session(logger: LoggerProcess) -> None:
    with logger.client("a.log") as first:
        path = logger.folder / "a.log"
        for name in (f"\\\\?\\{path}", f"\\\\.\\{path}", str(path).upper()[:-4] + ".log"):
            with logger.client(name) as log:
                assert log.session_name == first.session_name


@only_windows
def test_on_windows_a_folder_is_named_as_such(logger: LoggerProcess) -> None:
    (logger.folder / "folder.log").mkdir()
    with pytest.raises(NotAResourceError):
        logger.client("folder.log")


@needs_long_paths
def test_on_windows_a_log_can_have_a_long_path(logger: LoggerProcess) -> None:
    folder = Path(with_prefix_if_long(str(logger.folder / LONG / LONG)))
    folder.mkdir(parents=True)

    with logger.client(str(logger.folder / LONG / LONG / "a.ndjson")) as log:
        assert log.log_data("a", {}, {}) == 1

    assert len(records_in(folder / "a.ndjson")) == 1
