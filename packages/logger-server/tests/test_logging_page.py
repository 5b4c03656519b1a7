"""The code of docs/logging.md runs, and its records are as the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from logger_process import names_in, records_in

if TYPE_CHECKING:
    from json_logger_server.testing import LoggerFixture

PAGE = (Path(__file__).parents[3] / "docs" / "logging.md").read_text(encoding="utf-8")


def block(language: str, with_text: str) -> str:
    """Return the page's block of code in a language that has a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    (found,) = (code for code in blocks if with_text in code)
    return str(found)


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_handler_writes_the_record_of_the_page(json_logger: LoggerFixture) -> None:
    run(block("python", "JsonLoggerHandler"))
    (record,) = records_in(json_logger.folder / "station.ndjson")
    shown: dict[str, Any] = json.loads(block("json", "measurement_outputs"))
    assert record["measurement_name"] == shown["measurement_name"]
    assert record["measurement_outputs"] == shown["measurement_outputs"]
    assert set(record["measurement_configurations"]) == set(shown["measurement_configurations"])


def test_dict_config_makes_the_handler(json_logger: LoggerFixture) -> None:
    settings = json.loads(block("json", "handlers"))
    settings |= {"version": 1, "root": {"handlers": ["shared"]}}
    run(
        "import logging, logging.config\n"
        f"logging.config.dictConfig({settings!r})\n"
        "logging.error('it works')"
    )
    (record,) = records_in(json_logger.folder / "station.ndjson")
    assert record["measurement_outputs"]["message"] == "it works"


def test_the_asyncio_program_runs(json_logger: LoggerFixture) -> None:
    run(block("python", "asyncio"))
    assert names_in(json_logger.folder / "measurements.ndjson") == 3 * ["leakage"]


def test_the_test_of_the_page_passes_and_is_logged(
    json_logger: LoggerFixture, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_supply=block("python", "record_measurement"))
    options = block("console", "--json-log").split()[2:]
    pytester.runpytest_subprocess(*options, "-p", "no:xdist").assert_outcomes(passed=1)
    assert names_in(json_logger.folder / "tests.ndjson") == ["vout", "ripple", "test"]
