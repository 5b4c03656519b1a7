"""The published JSON Schema, the server and `verify --schema` agree on what a record is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from json_logger_proto.record_schema import RECORD_SCHEMA_VERSION, record_schema
from json_logger_server.cli import main
from json_logger_server.records import Record, SessionContext, fault_of

SCHEMA = record_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
WHOLE: dict[str, Any] = {
    "timestamp": "2026-01-31T12:00:00.5Z",
    "measurement_name": "leak",
    "measurement_configurations": {"voltage": 3.3},
    "measurement_outputs": {"current": [1.0, 2]},
    "units": {"current": "A"},
    "limits": {"current": [{"low": 0, "high": 1.5}, {"nominal": 2.0}], "other": {}},
    "status": "failed",
    "uut": {"serial": "SN1", "part": "P", "lot": "L"},
    "station": "station-3",
    "operator": "Ada",
    "sequence": {"file": "A.seq", "step": "leak", "execution": "17"},
    "seq": 1,
    "client": "c",
    "client_seq": 4294967297,
    "writer": "w",
}
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != int(x)),
    st.text(max_size=3),
    st.sampled_from(["passed", "failed", "2026-01-31T12:00:00+01:00"]),
    st.just([]),
    st.just({}),
)


def agrees(record: object) -> bool:
    """Return whether a record is right. Fail if schema and server differ."""
    fault = fault_of(json.dumps(record).encode())
    is_valid: bool = VALIDATOR.is_valid(record)
    assert is_valid == (not fault), (record, fault)
    return is_valid


def test_the_schema_is_a_schema_and_its_id_has_the_version() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] == f"urn:json-logger:record:{RECORD_SCHEMA_VERSION}"


def test_the_schema_and_the_server_have_the_same_keys() -> None:
    keys = {one.encode_name for one in msgspec.structs.fields(Record)}
    required = {one.encode_name for one in msgspec.structs.fields(Record) if one.required}
    assert set(SCHEMA["properties"]) == keys == set(WHOLE)
    assert set(SCHEMA["required"]) == required
    shared = {one.encode_name for one in msgspec.structs.fields(SessionContext)}
    assert shared == {"uut", "station", "operator", "sequence"}


def test_a_record_with_every_key_and_one_with_the_required_keys_are_right() -> None:
    assert agrees(WHOLE)
    assert agrees({key: WHOLE[key] for key in SCHEMA["required"]})


@given(key=st.sampled_from([*WHOLE, "other"]), value=ANYTHING)
def test_a_wrong_value_of_any_key_is_refused_by_both(key: str, value: object) -> None:
    agrees({**WHOLE, key: value})


@given(
    path=st.sampled_from(
        [
            ("units", "current"),
            ("units", "x"),
            ("limits", "current"),
            ("limits", "current", 0),
            ("limits", "current", 0, "low"),
            ("limits", "other", "high"),
            ("limits", "other", "wrong"),
            ("uut", "serial"),
            ("uut", "wrong"),
            ("sequence", "step"),
            ("sequence", "wrong"),
        ]
    ),
    value=ANYTHING,
)
def test_a_wrong_value_at_any_depth_is_refused_by_both(
    path: tuple[str | int, ...], value: object
) -> None:
    record = json.loads(json.dumps(WHOLE))
    node = record
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    agrees(record)


@given(st.sampled_from(list(WHOLE)))
def test_a_missing_key_is_refused_by_both_if_it_is_required(key: str) -> None:
    is_valid = agrees({name: value for name, value in WHOLE.items() if name != key})
    assert is_valid == (key not in SCHEMA["required"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"status": "good"}, "$.status"),
        ({"uut": {"serial": 7}}, "$.uut.serial"),
        ({"limits": {"current": {"lo": 1}}}, "$.limits"),
        ({"timestamp": "2026-01-31"}, "$.timestamp"),
        ({"measurement_outputs": []}, "$.measurement_outputs"),
        ({"verdict": "passed"}, "verdict"),
    ],
)
def test_verify_checks_the_schema_if_asked(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(f"{json.dumps({**WHOLE, **change})}\n")
    assert CliRunner().invoke(main, ["verify", str(path)]).exit_code == 0
    done = CliRunner().invoke(main, ["verify", "--schema", str(path), "--json"])
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["ok"]) == ((1, False) if told else (0, True))
    if told:
        assert told in answer["problem"]["reason"]
