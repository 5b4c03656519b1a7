"""The pytest plugin: a fixture with a real logger for the tests of other projects."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from json_logger_client import JsonLoggerClient

if TYPE_CHECKING:
    from json_logger_server.testing import LoggerFixture


def test_its_client_logs_into_the_tests_folder(json_logger: LoggerFixture) -> None:
    with json_logger.client() as log:
        log.log_data("volts", {}, {"value": 1.5})
    (record,) = (json_logger.folder / "measurements.ndjson").read_text().splitlines()
    assert json.loads(record)["measurement_outputs"] == {"value": 1.5}


def test_a_client_that_names_no_logger_finds_it(json_logger: LoggerFixture) -> None:
    with JsonLoggerClient("here.ndjson") as log:
        log.log_data("volts", {}, {"value": 1.5})
    assert (json_logger.folder / "here.ndjson").exists()


def test_a_process_with_its_environment_finds_it(json_logger: LoggerFixture) -> None:
    script = "from json_logger_client import JsonLoggerClient\nJsonLoggerClient('a.ndjson').close()"
    subprocess.run([sys.executable, "-c", script], env=json_logger.environment(), check=True)
    assert (json_logger.folder / "a.ndjson").exists()


def test_each_test_has_a_logger_of_its_own_that_ends_with_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os

        targets = []

        def test_one(json_logger):
            targets.append(json_logger.target)

        def test_another(json_logger):
            assert json_logger.target not in targets
            assert os.environ["JSON_LOGGER_TARGET"] == json_logger.target

        def test_none():
            assert "JSON_LOGGER_TARGET" not in os.environ
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-W", "error")
    result.assert_outcomes(passed=3)


def test_the_plugin_imports_nothing_heavy_before_the_fixture_is_used(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_light():
            assert not {"grpc", "google.protobuf", "click"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)
