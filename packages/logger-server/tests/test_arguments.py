"""Arguments of every reasonable type are accepted; wrong ones are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from json_logger_client import InitializationBehavior, JsonLoggerClient, SessionOptions
from logger_process import LoggerProcess
from session_sharing import InvalidArgumentError

NEW = InitializationBehavior.INITIALIZE_SERVER_SESSION
ATTACH = InitializationBehavior.ATTACH_TO_SERVER_SESSION


def test_a_path_object_names_a_log(logger: LoggerProcess) -> None:
    with JsonLoggerClient(Path("path.ndjson"), connection=logger.connect()) as log:
        log.log_data("m", {}, {})
        assert log.path == str(logger.folder / "path.ndjson")
    assert (logger.folder / "path.ndjson").exists()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("file_path", {"file_path": 5}),
        ("file_path", {"file_path": None}),
        ("file_path", {"file_path": b"bytes"}),
        ("initialization_behavior", {"initialization_behavior": "AUTO"}),
        ("initialization_behavior", {"initialization_behavior": 17}),
        ("connection", {"connection": "127.0.0.1:5000"}),
        ("options", {"options": {"behavior": 1}}),
    ],
)
def test_an_argument_of_a_wrong_type_is_named(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=name):
        JsonLoggerClient(**{"file_path": "a.ndjson"} | arguments)


def test_two_different_behaviors_in_the_arguments_are_refused(logger: LoggerProcess) -> None:
    options = SessionOptions(behavior=NEW)
    with pytest.raises(InvalidArgumentError, match="INITIALIZE_SERVER_SESSION and ATTACH_TO"):
        JsonLoggerClient("twice.ndjson", ATTACH, connection=logger.connect(), options=options)


def test_the_behavior_may_be_given_by_the_options_alone(logger: LoggerProcess) -> None:
    options = SessionOptions(behavior=NEW)
    with JsonLoggerClient("once.ndjson", connection=logger.connect(), options=options) as log:
        assert log.options.behavior is NEW
    with JsonLoggerClient("once.ndjson", NEW, connection=logger.connect(), options=options) as log:
        assert log.options.behavior is NEW
