"""Several scripts share one log, each with the snippet of the README."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from json_logger_client import ClosePolicy, InitializationBehavior
from logger_process import LoggerProcess, records_in
from session_sharing import SessionExpiredError

README = Path(__file__).parents[2] / "logger-client" / "README.md"


def test_by_default_the_remaining_client_gets_an_error_that_says_who_closed_and_how_to_avoid_it(
    logger: LoggerProcess,
) -> None:
    first = logger.client("default.ndjson", label="script one")
    with pytest.raises(SessionExpiredError) as caught, logger.client("default.ndjson") as second:
        second.log_data("m", {}, {})
        first.detach()
        second.log_data("too late", {}, {})
    said = str(caught.value)
    assert "closed for everybody, because script one closed or left it" in said
    assert "close_policy=WITH_LAST_ATTACHMENT" in said


def test_a_late_client_may_join_after_the_first_has_left(logger: LoggerProcess) -> None:
    """Workers of pytest-xdist begin and end at any time in this way."""
    policy = ClosePolicy.WITH_LAST_ATTACHMENT
    first = logger.client("late.ndjson", close_policy=policy)
    second = logger.client("late.ndjson", close_policy=policy)
    first.detach()
    third = logger.client("late.ndjson", close_policy=policy)
    second.log_data("second", {}, {})
    second.detach()
    third.log_data("third", {}, {})
    third.detach()
    with logger.client("late.ndjson", InitializationBehavior.INITIALIZE_SERVER_SESSION) as log:
        assert log.log_data("alone", {}, {}) == 3


def test_the_readmes_snippet_runs_in_several_scripts_at_once(own_logger: LoggerProcess) -> None:
    text = README.read_text(encoding="utf-8").split("## Several scripts")[1]
    snippet = re.search(r"```python\n(.*?)```", text, re.S)
    assert snippet is not None
    environment = {"JSON_LOGGER_TARGET": own_logger.target}
    environment["JSON_LOGGER_TOKEN_FILE"] = own_logger.state["token_file"]
    scripts = [
        subprocess.Popen([sys.executable, "-c", snippet[1]], env=environment) for _ in range(4)
    ]
    assert [script.wait(60) for script in scripts] == [0] * 4
    assert len(records_in(own_logger.folder / "measurements.ndjson")) == 4
