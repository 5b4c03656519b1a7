"""Waveforms that a server wrote are read back bit for bit, by every way of reading."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import numpy
import pytest
from capabilities import needs_renames_of_open_files
from click.testing import CliRunner
from json_logger_client import read_log
from json_logger_client.records import Waveform, to_polars
from json_logger_server.cli import main
from logger_process import LoggerProcess

ARRAYS = [
    numpy.linspace(0, 1, 5_000),
    numpy.arange(6_000, dtype=">i4").reshape(2, 3_000),
    numpy.linspace(0, 1, 6_000).view("<c16"),
    numpy.arange(4_000) % 3 == 0,
]


def test_samples_come_back_from_files_sessions_and_exports(
    logger: LoggerProcess, tmp_path: Path
) -> None:
    name = f"{uuid.uuid4().hex}.ndjson"
    with logger.client(name) as log, log.stream() as stream:
        for array in ARRAYS:
            stream.log("scope", {"channel": 0}, {"trace": array, "fit": {"deep": [array]}})
        stream.flush()
        for source in (log, log.path):
            check([record.measurement_outputs for record in read_log(source)])
        table = to_polars(log)["scope"]
        assert [json.loads(text)["count"] for text in table["outputs.trace"]] == [
            array.size for array in ARRAYS
        ]
    words = ["export", str(logger.folder / name), "--format", "csv", "--to", str(tmp_path)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    for row, array in enumerate(ARRAYS, start=1):
        read = numpy.load(tmp_path / "scope.waveforms" / f"outputs%2Etrace-{row}.npy")
        numpy.testing.assert_array_equal(read, array)


def check(outputs: list[dict[str, Any]]) -> None:
    for found, array in zip(outputs, ARRAYS, strict=True):
        for waveform in (found["trace"], found["fit"]["deep"][0]):
            assert isinstance(waveform, Waveform)
            numpy.testing.assert_array_equal(waveform.samples(), array)
            assert waveform.samples().dtype == array.dtype.newbyteorder("<")


@needs_renames_of_open_files
@pytest.mark.parametrize("place", ["session", "file"])
def test_samples_are_found_after_a_rotation(logger: LoggerProcess, place: str) -> None:
    name = f"{uuid.uuid4().hex}.ndjson"
    with logger.client(name) as log:
        for array in ARRAYS:
            log.log_data("scope", {}, {"trace": array, "fit": {"deep": [array]}})
            rotated = CliRunner().invoke(
                main, ["rotate", name, f"--state-file={logger.state_file}"]
            )
            assert rotated.exit_code == 0, rotated.output
        source = log if place == "session" else log.path
        check([record.measurement_outputs for record in read_log(source)])
