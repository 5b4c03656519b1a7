"""The pytest plugin of the client: outcomes and measured values of tests are in a shared log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from logger_process import records_in
from processes import eventually

if TYPE_CHECKING:
    from json_logger_server.testing import LoggerFixture

TESTS = """
import pytest
from json_logger_client import Limits

def test_passes(record_measurement):
    assert record_measurement("vout", 3.31, "V", Limits(low=3.2, high=3.4, nominal=3.3))

def test_is_out_of_limits(record_measurement):
    assert not record_measurement("vout", 3.5, "V", Limits(low=3.2, high=3.4))
    record_measurement("leakage", [1e-9, 2e-9], "A", [Limits(high=1e-8), Limits(high=1e-8)])

def test_fails():
    assert 1 == 2

@pytest.fixture
def broken():
    raise RuntimeError("no supply")

def test_has_a_broken_fixture(broken):
    pass

@pytest.mark.skip(reason="no fixture")
def test_is_skipped():
    pass

@pytest.mark.xfail
def test_is_expected_to_fail():
    assert False
"""
EXPECTED = {
    "test_passes": ("passed", "passed"),
    "test_is_out_of_limits": ("failed", "failed"),
    "test_fails": ("failed", "failed"),
    "test_has_a_broken_fixture": ("error", "error"),
    "test_is_skipped": ("skipped", None),
    "test_is_expected_to_fail": ("xfailed", None),
}


def records(logger: LoggerFixture, name: str) -> list[dict[str, Any]]:
    found = records_in(logger.folder / "run.ndjson")
    return [record for record in found if record["measurement_name"] == name]


def opens_anew(logger: LoggerFixture) -> bool:
    with logger.client("run.ndjson") as log:
        return log.new_session


def outcomes(logger: LoggerFixture) -> dict[str, tuple[str, str | None]]:
    return {
        record["sequence"]["step"]: (
            record["measurement_outputs"]["outcome"],
            record.get("status"),
        )
        for record in records(logger, "test")
    }


@pytest.fixture
def run_tests(json_logger: LoggerFixture, pytester: pytest.Pytester) -> Any:
    """Return a function that runs tests with the plugin turned on."""

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess("--json-log=run.ndjson", *options)

    return run


@pytest.mark.parametrize("workers", ["0", "2"])
def test_each_outcome_and_each_value_is_in_the_log_once(
    run_tests: Any, json_logger: LoggerFixture, workers: str
) -> None:
    result = run_tests(TESTS, f"-n{workers}")
    result.assert_outcomes(passed=1, failed=2, errors=1, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["json-log: *run.ndjson", "*vout is 3.5 V. It is not within*"])
    assert outcomes(json_logger) == EXPECTED
    assert len(records(json_logger, "test")) == len(EXPECTED)
    first, second = sorted(
        records(json_logger, "vout"), key=lambda r: float(r["measurement_outputs"]["vout"])
    )
    assert first["status"] == "passed"
    assert first["units"] == {"vout": "V"}
    assert first["limits"] == {"vout": {"low": 3.2, "high": 3.4, "nominal": 3.3}}
    assert second["status"] == "failed"
    (leakage,) = records(json_logger, "leakage")
    assert leakage["limits"] == {"leakage": [{"high": 1e-8}, {"high": 1e-8}]}
    runs = {record["sequence"]["execution"] for record in records(json_logger, "test")}
    assert len(runs) == 1
    assert first["sequence"]["execution"] in runs
    writers = {r["measurement_configurations"].get("worker") for r in records(json_logger, "test")}
    assert writers <= ({None} if workers == "0" else {"gw0", "gw1"})


def test_a_killed_worker_loses_no_value_and_its_test_is_an_error(
    run_tests: Any, json_logger: LoggerFixture
) -> None:
    source = """
    import os, signal

    def test_dies(record_measurement):
        record_measurement("before", 1.0)
        os._exit(9)

    def test_lives(record_measurement):
        record_measurement("after", 2.0)
    """
    run_tests(source, "-n1").assert_outcomes(passed=1, failed=1)
    assert outcomes(json_logger) == {
        "test_dies": ("error", "error"),
        "test_lives": ("passed", "passed"),
    }
    (before,), (after,) = records(json_logger, "before"), records(json_logger, "after")
    assert before["measurement_outputs"] == {"before": 1.0}
    assert before["seq"] < after["seq"]
    (crashed, _) = records(json_logger, "test")
    assert "crashed" in crashed["measurement_outputs"]["message"]
    eventually(lambda: opens_anew(json_logger))  # a killed worker has left within two seconds


def test_an_interrupted_test_is_aborted(run_tests: Any, json_logger: LoggerFixture) -> None:
    result = run_tests("def test_waits(): raise KeyboardInterrupt", "-p", "no:xdist")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert outcomes(json_logger) == {"test_waits": ("aborted", "aborted")}


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_run_whose_outcomes_cannot_be_written_fails_and_says_so(
    run_tests: Any, json_logger: LoggerFixture, workers: str
) -> None:
    state = json_logger.folder / "json-logger" / "state.json"
    source = f"""
    import os, signal

    def test_kills_the_logger():
        os.kill({json.loads(state.read_text())["pid"]}, signal.SIGTERM)
    """
    result = run_tests(source, f"-n{workers}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["Not known to be in the log: *"])


def test_without_a_server_the_run_does_not_begin(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JSON_LOGGER_TARGET", raising=False)
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess("--json-log=run.ndjson", "-p", "no:xdist")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --json-log run.ndjson: *"])


def test_values_are_checked_without_a_log_and_the_setting_turns_it_on(
    json_logger: LoggerFixture, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(TESTS)
    counts = {"passed": 1, "failed": 2, "errors": 1, "skipped": 1, "xfailed": 1}
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(**counts)
    assert not (json_logger.folder / "run.ndjson").exists()
    pytester.makeini("[pytest]\njson_log = run.ndjson")
    pytester.runpytest_subprocess("--collect-only", "-p", "no:xdist")
    assert not (json_logger.folder / "run.ndjson").exists()
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(**counts)
    assert outcomes(json_logger) == EXPECTED


def test_a_run_without_the_plugin_loads_nothing_for_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_light():
            assert "json_logger_client.testing" in sys.modules
            assert not {"grpc", "orjson", "session_sharing.client"} & set(sys.modules)
        """
    )
    options = ["-p", "no:hypothesispytest", "-p", "no:xdist", "-W", "error"]
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)
