"""Install, start by discovery, measure, log and report, in folders with any name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dcpower_under_test import PLUGIN
from logger_station import running_station

NAMES = ("J ö", "100% a&b", "Users/Jörg Łoś")
"""Of the folder with plug-ins, pin map and data. The last one stands for a user's own folder."""


@pytest.mark.parametrize("name", NAMES)
def test_a_station_in_a_folder_of_any_name_measures_logs_and_reports(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir(parents=True)

    with running_station(PLUGIN, folder) as station:
        assert station.measure(sites=[1])["voltage_measurements"] == [6.0]
        assert len(station.records()) == 1
        log = station.log_file

    for verb in ("verify", "report"):
        told = _json_logger(verb, log)
        assert told.returncode == 0, told.stdout + told.stderr
    report = log.with_name(f"{log.name}.html").read_text(encoding="utf-8")
    assert "NI-DCPower With Logger" in report


def _json_logger(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "json_logger_server", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
