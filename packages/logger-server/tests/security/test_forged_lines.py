"""T41: no text of a client makes another line in a log, the audit trail or the server's log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from json_logger_client import JsonLoggerClient, SessionOptions
from json_logger_proto import json_logger_pb2 as pb
from json_logger_proto import json_logger_pb2_grpc
from logger_process import LoggerProcess, records_in
from session_sharing import SessionSharingError

FORGED = '{"seq":1,"event":"OPENED","level":"INFO","forged":true}'
BREAKS = ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1e", "\x85", "\u2028", "\u2029", "\0", "\x1b[2K\r"]


@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_text_with_a_line_break_stays_inside_its_value(line_break: str, tmp_path: Path) -> None:
    text = f"{line_break}{FORGED}{line_break}"
    audit = tmp_path / "audit.ndjson"
    with LoggerProcess(tmp_path, "--anonymous", f"--audit={audit}") as logger:
        with JsonLoggerClient("a.log", connection=logger.connect()) as log:
            log.log_data(text, {text: text}, {text: [text]})
            with logger.channel() as channel:
                json_logger_pb2_grpc.JsonLoggerStub(channel).LogMeasurementData(
                    pb.LogMeasurementDataRequest(
                        session_name=log.session_name,
                        measurement_name=text,
                        measurement_outputs={text: text},
                    )
                )
        for refused, options in (
            (f"missing{text}/{text}.log", SessionOptions()),
            ("a.log", SessionOptions(label=text)),
            ("a.log", SessionOptions(session_name=text)),
        ):
            with pytest.raises(SessionSharingError):
                JsonLoggerClient(refused, connection=logger.connect(), options=options)
        assert logger.terminate() == 0

    first, second = records_in(tmp_path / "a.log")
    assert first["measurement_name"] == second["measurement_name"] == text
    assert first["measurement_outputs"] == {text: [text]}
    events = [json.loads(line) for line in audit.read_bytes().split(b"\n")[:-1]]
    assert not any("forged" in event for event in events)
    assert FORGED not in (tmp_path / "server.err").read_text().split("\n")
