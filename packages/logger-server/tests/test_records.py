"""A record is checked before it is stored: each line is one strict JSON object."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_logger_server.history import encode_lines
from json_logger_server.records import MAX_DEPTH, decode_batch
from session_sharing import InvalidArgumentError

HEAD = '"timestamp":"2026-01-01T12:00:00Z","measurement_name":"m"'


def record(outputs: str, configurations: str = "{}", head: str = HEAD) -> bytes:
    text = (
        f'{{{head},"measurement_configurations":{configurations},"measurement_outputs":{outputs}}}'
    )
    return text.encode("utf-8", "surrogatepass")


def stored(ndjson: bytes, count: int = 1) -> list[dict[str, object]]:
    lines = encode_lines([*decode_batch(ndjson, count)])
    assert lines.count(b"\n") == count
    return [json.loads(line, parse_constant=pytest.fail) for line in lines.splitlines()]


@pytest.mark.parametrize(
    "values",
    [
        "[]",
        "1",
        "null",
        '"text"',
        "",
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":1e999}',
        '{"a":-1e309}',
        '{"a":' + "9" * 250 + "e99}",
        '{"a":123456789012345678901234567890}',
        '{"a":18446744073709551616}',
        '{"a":[1.5, 18446744073709551616 ]}',
        '{"a":[1,-9223372036854775809]}',
        '{"a":' + "9" * 5_000 + "}",
        '{"a":' + "9" * 400 + ".5}",
        '{"a":01}',
        '{"a":"\x01"}',
        '{"a":"\n"}',
        '{"a":"\\ud800"}',
        '{"a":"\\udc00\\ud800"}',
        '{"a":"\ud800"}',
        '{"a":"\\x"}',
        '{"a":[1,]}',
        '{"a":\n1}',
        '{"a":\r1}',
        '{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}",
        '{"a":' + '["]",' * MAX_DEPTH + "1" + "]" * MAX_DEPTH + "}",
        '\n{"a":[{}],"b":' + "[1," * MAX_DEPTH + "1" + "]" * MAX_DEPTH + "}",
        '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a":1}}',
        '{"a":1',
        "{'a':1}",
    ],
)
def test_values_that_a_strict_reader_refuses_are_refused(values: str) -> None:
    for ndjson in (record(values), record("{}", values)):
        with pytest.raises(InvalidArgumentError):
            decode_batch(ndjson, 1)


@pytest.mark.parametrize(
    "values",
    [
        '{"a":1.7976931348623157e308,"b":5e-324,"c":-0.0,"d":1e-400}',
        '{"a":18446744073709551615,"b":-9223372036854775808}',
        '{"a":0.000123456789012345678901,"b":99999999999999999999.5,"c":1E+300,"d":1e-9}',
        '{"a":"\\u0000\\u001f\\n\\ud83d\\ude00","b":"\u2028\x7f"}',
        '{"a":"1e999 12345678901234567890123 [[[ \\" }\\n{"}',
        '{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}",
        '{"a":[' + ",".join(["[[1]]"] * 200) + "]}",
        '{"":{"":[]}}',
    ],
)
def test_values_at_the_limits_are_stored_as_they_are(values: str) -> None:
    (line,) = stored(record(values, values))
    assert line["measurement_outputs"] == line["measurement_configurations"] == json.loads(values)


numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,22})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,4})?",
    fullmatch=True,
    alphabet="-+.eE0123456789",
)
near_the_limits = st.sampled_from([-(2**63), 2**63, 2**64]).flatmap(
    lambda limit: st.integers(limit - 2, limit + 2).map(str)
)


@given(
    texts=st.lists(numbers | near_the_limits, min_size=1, max_size=5),
    gap=st.sampled_from([" ", "", "\t"]),
)
def test_a_number_is_taken_exactly_when_a_double_or_64_bits_hold_it(
    texts: list[str], gap: str
) -> None:
    found = [json.loads(text) for text in texts]
    fits = all(
        -(2**63) <= number < 2**64 if isinstance(number, int) else math.isfinite(number)
        for number in found
    )
    ndjson = record(f'{{"a":[{gap}{f"{gap},{gap}".join(texts)}{gap}]}}')
    if fits:
        assert stored(ndjson)[0]["measurement_outputs"] == {"a": found}
    else:
        with pytest.raises(InvalidArgumentError):
            decode_batch(ndjson, 1)


@pytest.mark.parametrize(
    ("ndjson", "count"),
    [
        (b"", 0),
        (b"", 1),
        (b"\n", 1),
        (record("{}"), 2),
        (record("{}") + b"\n" + record("{}"), 1),
        (record('{"a":[1,\n2]}') + record("{}"), 2),
        (record('{"a":[{}\n]}') + record("{}") + b"\n", 2),
        (record("{}") + b"\r\n", 1),
    ],
)
def test_a_batch_that_is_not_one_record_a_line_is_refused(ndjson: bytes, count: int) -> None:
    with pytest.raises(InvalidArgumentError):
        decode_batch(ndjson, count)


@pytest.mark.parametrize("between", [b"\n", b"\n\n", b" \n ", b" ", b""])
def test_white_space_between_records_does_not_matter(between: bytes) -> None:
    assert len(stored(record("{}") + between + record('{"a":1}') + between, 2)) == 2


@pytest.mark.parametrize(
    "head",
    [
        '"measurement_name":"m"',
        '"timestamp":"yesterday","measurement_name":"m"',
        '"timestamp":"2026-01-01T12:00:00","measurement_name":"m"',
        '"timestamp":"2026-13-01T12:00:00Z","measurement_name":"m"',
        '"timestamp":"9999-12-31T23:59:59-10:00","measurement_name":"m"',
        '"timestamp":"2026-01-01T12:00:00Z"',
        '"timestamp":"2026-01-01T12:00:00Z","measurement_name":null',
        f'{HEAD},"surprise":1',
    ],
)
def test_a_record_without_its_keys_or_with_others_is_refused(head: str) -> None:
    with pytest.raises(InvalidArgumentError):
        decode_batch(record("{}", head=head), 1)


def test_the_refusal_names_the_index_of_the_record() -> None:
    good = record("{}")
    for bad in (record('{"a":1e999}'), record("[]"), b"{}", record('{"a":01}')):
        with pytest.raises(InvalidArgumentError, match="Record 2"):
            decode_batch(b"\n".join([good, good, bad, good]), 4)


def test_times_are_kept_to_the_microsecond_and_written_in_utc() -> None:
    head = '"timestamp":"2026-01-01T14:00:00.000123+02:00","measurement_name":"m"'
    (line,) = stored(record("{}", head=head))
    assert line["timestamp"] == "2026-01-01T12:00:00.000123Z"


def test_a_client_cannot_set_the_keys_of_the_server() -> None:
    head = f'{HEAD},"seq":99,"client":"somebody else","client_seq":7,"writer":"w"'
    (found,) = decode_batch(record("{}", head=head), 1)
    found.seq, found.client, found.client_seq, found.writer = 1, "me", 1, ""
    assert b"somebody" not in encode_lines([found])


@given(st.binary(max_size=60), st.integers(0, 4))
def test_no_bytes_make_more_or_other_lines_than_the_request_says(part: bytes, cut: int) -> None:
    """Bytes in the middle of otherwise good records: refused, or stored as strict JSON."""
    good = record('{"a":1}')
    ndjson = good[: len(good) - cut] + part + good[len(good) - cut :] + b"\n" + good
    try:
        lines = encode_lines([*decode_batch(ndjson, 2)])
    except InvalidArgumentError:
        return
    assert lines.count(b"\n") == 2
    for line in lines.splitlines():
        assert isinstance(json.loads(line, parse_constant=pytest.fail), dict)


structure = st.text(alphabet='{}[],:"\\ \n\r\t0123456789eE+-.aunl', max_size=40)


@given(structure)
def test_no_nested_value_forges_or_breaks_a_line(values: str) -> None:
    ndjson = record(f'{{"a":{values}}}') + b"\n" + record("{}")
    try:
        lines = encode_lines([*decode_batch(ndjson, 2)])
    except InvalidArgumentError:
        return
    assert len([json.loads(line) for line in lines.decode().split("\n")[:-1]]) == 2
