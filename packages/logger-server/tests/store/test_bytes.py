"""P11: whatever the logger accepts comes back from the store byte for byte."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_logger_client import JsonLoggerClient
from json_logger_client.write_order import Lane, order_of
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from logger_process import LoggerProcess
from session_sharing import SessionSharingError
from store_database import StoreDatabase, lines_in

TEXTS = st.text(max_size=40) | st.sampled_from(["\0", "a\0b", "\\u0000", "n" * 10_000, "\u2028"])
NUMBERS = st.floats() | st.integers(-(1 << 63), (1 << 64) - 1) | st.just(math.nan)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
RAW = [
    rb'"\ud800"',
    rb'"\udc00\ud800"',
    rb'"\u0000"',
    rb'"\ud83d\ude00 \/ \b\f\n\r\t"',
    b'"\x7f\xc2\x80"',
    b'"\x01"',
    b"1e308",
    b"-0.0",
    b"1E+2",
    b"1.2e-9",
    b"0." + b"1" * 300,
    b"[" * 98 + b"]" * 98,
    b'{"a":1,"a":2}',
    b' { "a" : [ 1 , 2 ] } ',
]
"""Values as JSON that another client could write."""


@pytest.fixture
def log(database: StoreDatabase, tmp_path: Path) -> Iterator[JsonLoggerClient]:
    """A log; after the test, the store and the file must be equal."""
    with LoggerProcess(tmp_path, *database.options()) as logger:
        with logger.client("a.ndjson") as log:
            yield log
        assert logger.terminate() == 0
    assert database.lines() == lines_in(tmp_path / "a.ndjson")
    seqs = database.query("select array_agg(seq order by seq) from json_logger.record")[0][0] or []
    assert seqs == list(range(1, len(seqs) + 1))
    assert database.query("select count(*) from json_logger.record where line is null") == [(0,)]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=TEXTS, configurations=st.dictionaries(TEXTS, VALUES, max_size=3), value=VALUES)
def test_whatever_a_client_logs_comes_back(
    log: JsonLoggerClient, name: str, configurations: dict[str, Any], value: Any
) -> None:
    log.log_data(name, configurations, {"value": value})


def test_whatever_json_the_server_accepts_comes_back(log: JsonLoggerClient) -> None:
    stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(log.connection.channel)
    lane = Lane(order_of(log.connection))
    accepted = 0
    for value in RAW:
        for name in (b'"m"', value if value.startswith(b'"') else b'"m"'):
            line = (
                b'{"timestamp":"2026-03-01T10:00:00Z","measurement_name":%b,'
                b'"measurement_configurations":{},"measurement_outputs":{"v":%b}}' % (name, value)
            )
            request = pb.AppendRequest(
                attachment=log.attachment, first_client_seq=lane.take(1), count=1, ndjson=line
            )
            try:
                log.connection.call(stub.Append, request)
            except SessionSharingError:
                continue
            accepted += 1
    assert accepted >= len(RAW)
