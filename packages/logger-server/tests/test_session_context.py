"""What the opener of a log says about its session stands in the records of every client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chaos_proxy import ChaosProxy
from google.protobuf.timestamp_pb2 import Timestamp
from json_logger_client import (
    ConnectionClosedError,
    ConnectOptions,
    InvalidArgumentError,
    JsonLoggerClient,
    Limits,
    RecordContext,
    SequencePlace,
    SessionContext,
    Uut,
)
from json_logger_proto import json_logger_pb2
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_server.records import fault_of
from logger_process import LoggerProcess, records_in

FIRST = SessionContext(
    uut=Uut("SN1", "P-7"),
    station="station-3",
    operator="Ada",
    sequence=SequencePlace("A.seq", execution="17"),
)
WRITTEN = {
    "uut": {"serial": "SN1", "part": "P-7"},
    "station": "station-3",
    "operator": "Ada",
    "sequence": {"file": "A.seq", "execution": "17"},
}


def client(anonymous: LoggerProcess, path: Path, **options: Any) -> JsonLoggerClient:
    return JsonLoggerClient(path, connection=ConnectOptions(anonymous.target), **options)


def meaning(record: dict[str, Any]) -> dict[str, Any]:
    keys = ("units", "limits", "status", *WRITTEN)
    return {key: record[key] for key in keys if key in record}


def test_a_record_carries_what_its_caller_says(anonymous: LoggerProcess, folder: Path) -> None:
    path = folder / "a.ndjson"
    context = RecordContext(units={"v": "V"}, limits={"v": Limits(high=2)}, uut=Uut("SN1"))
    with client(anonymous, path) as log, log.stream() as stream:
        log.log_data("m", {}, {"v": 1}, context=context)
        stream.log("m", {}, {"v": 3}, context=context)
        stream.flush()
        log.log_data("m", {}, {"v": 3})
    same = {"units": {"v": "V"}, "limits": {"v": {"high": 2.0}}, "uut": {"serial": "SN1"}}
    assert [meaning(record) for record in records_in(path)] == [
        {**same, "status": "passed"},
        {**same, "status": "failed"},
        {},
    ]
    assert not any(map(fault_of, path.read_bytes().splitlines()))


def test_the_context_of_a_session_is_in_the_records_of_all_its_clients(
    anonymous: LoggerProcess, folder: Path
) -> None:
    path = folder / "a.ndjson"
    reference = anonymous.reference_stub()
    with client(anonymous, path, context=FIRST) as opener, client(anonymous, path) as other:
        opener.log_data("opener", {}, {})
        other.log_data("other", {}, {}, context=RecordContext(operator="Bob"))
        reference.LogMeasurementData(
            json_logger_pb2.LogMeasurementDataRequest(
                session_name=opener.session_name,
                measurement_name="reference",
                timestamp=Timestamp(seconds=1),
            )
        )
        other.set_context(SessionContext(uut=Uut("SN2")))
        opener.log_data("next unit", {}, {})
        other.set_context(SessionContext())
        opener.log_data("no context", {}, {})
    assert [meaning(record) for record in records_in(path)] == [
        WRITTEN,
        {**WRITTEN, "operator": "Bob"},
        WRITTEN,
        {"uut": {"serial": "SN2"}},
        {},
    ]


def test_the_context_of_the_client_that_creates_the_session_counts(
    anonymous: LoggerProcess, folder: Path
) -> None:
    path = folder / "a.ndjson"
    other_context = SessionContext(station="other")
    with (
        client(anonymous, path, context=FIRST),
        client(anonymous, path, context=other_context) as other,
    ):
        assert '"SN1"' in other.details["context"]
        other.log_data("m", {}, {})
    assert meaning(records_in(path)[0]) == WRITTEN


def test_the_context_is_set_again_after_a_restart_of_the_server(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    with LoggerProcess(tmp_path, "--anonymous") as first, ChaosProxy(first.target) as proxy:
        log = JsonLoggerClient(path, connection=ConnectOptions(proxy.target), context=FIRST)
        first.kill()
        with LoggerProcess(tmp_path, "--anonymous") as second:
            proxy.upstream = second.target
            log.reset()
            log.log_data("m", {}, {})
            log.close()
    assert meaning(records_in(path)[-1]) == WRITTEN


@pytest.mark.parametrize(
    "context", [b"", b"[]", b'{"units":{}}', b'{"uut":{"serial":7}}', b'{"station":"\xff"}']
)
def test_a_wrong_context_is_refused_and_the_one_before_stays(
    anonymous: LoggerProcess, folder: Path, context: bytes
) -> None:
    path = folder / "a.ndjson"
    with client(anonymous, path, context=FIRST) as log:
        stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(log.connection.channel)
        request = pb.SetContextRequest(attachment=log.attachment, context=context)
        with pytest.raises(InvalidArgumentError, match="context of the session is wrong"):
            log.call(stub.SetContext, request)
        log.log_data("m", {}, {})
    assert meaning(records_in(path)[0]) == WRITTEN


def test_a_closed_client_and_a_wrong_type_are_told(anonymous: LoggerProcess, folder: Path) -> None:
    log = client(anonymous, folder / "a.ndjson")
    log.close()
    with pytest.raises(ConnectionClosedError):
        log.set_context(FIRST)
    with pytest.raises(InvalidArgumentError, match="context must be SessionContext"):
        log.set_context({"station": "s"})  # type: ignore[arg-type]
