"""Records of a log: checked once when they arrive, numbered, and encoded as lines."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Annotated

import msgspec
from session_sharing.core.errors import InvalidArgumentError

MAX_DEPTH = 100
"""Nesting that a record may have; every common JSON reader takes as much."""

_BRACE = ord("{")
# Digits and exponents with which a number can leave the range of a double or of 64 bits.
_BIG_NUMBER = re.compile(rb"[0-9][eE]\+?[0-9]{3}|[0-9]{19}")
_INTEGER = re.compile(rb"(?<![0-9.eE+])-?[0-9]{19,}(?![0-9.eE])")
_BRACKET = re.compile(rb"[\[{}\]]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


class Record(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One line of a log. The last four keys are the server's and overwrite what a client sends."""

    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    """When it was measured, by the client's clock."""
    measurement_name: str
    measurement_configurations: msgspec.Raw
    """A JSON object, kept as the client wrote it."""
    measurement_outputs: msgspec.Raw
    """A JSON object, kept as the client wrote it."""
    seq: int = 0
    """Number in the file, from 1, without gaps."""
    client: str = ""
    """Public name of the client that wrote it."""
    client_seq: int = 0
    """Number in its client's own count; with `client`, the idempotency key."""
    writer: str = ""
    """Who the client says it is."""


class ReferenceRecord(msgspec.Struct, omit_defaults=True):
    """A line written through the reference protocol, whose values are all text."""

    timestamp: str
    measurement_name: str
    measurement_configurations: dict[str, str]
    measurement_outputs: dict[str, str]
    seq: int = 0
    client: str = ""
    client_seq: int = 0
    writer: str = ""


AnyRecord = Record | ReferenceRecord

_decoder = msgspec.json.Decoder(Record)
_checker = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def decode_batch(ndjson: bytes, count: int) -> list[Record]:
    """Read and check a batch of lines.

    Raises:
        InvalidArgumentError: A record is not what the protocol says; the message names its index.
    """
    try:
        ndjson.decode("utf-8")
        records = _decoder.decode_lines(ndjson)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _explain(ndjson) from None
    if len(records) != count or not _is_one_a_line(ndjson, count):
        raise InvalidArgumentError(
            f"The batch announces {count} records and has {len(records)}; write one JSON object a "
            "line, without line breaks inside and without blanks around it."
        )
    suspicious = _needs_a_close_look(ndjson, count)
    for index, record in enumerate(records):
        if record.timestamp.tzinfo is not timezone.utc:
            record.timestamp = _in_utc(record.timestamp, index)
        for part in (record.measurement_configurations, record.measurement_outputs):
            view = memoryview(part)
            if not view or view[0] != _BRACE:
                raise InvalidArgumentError(f"Record {index}: its values are not a JSON object.")
            if suspicious:
                _look_closely(bytes(part), index)
    return records


def encode_lines(records: list[AnyRecord]) -> bytes:
    """Encode records as lines, each ending with a newline."""
    return _encoder.encode_lines(records)


def _is_one_a_line(ndjson: bytes, count: int) -> bool:
    """Tell whether every line break stands between two records, and there are no others.

    Given valid JSON texts without line breaks inside, `}`, newline, `{` cannot be within one.
    """
    inner = ndjson.count(b"\n") - ndjson.endswith(b"\n")
    return inner == count - 1 == ndjson.count(b"}\n{") and b"\r" not in ndjson


def _in_utc(moment: datetime, index: int) -> datetime:
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        raise InvalidArgumentError(f"Record {index}: its timestamp is out of range.") from None


def _needs_a_close_look(ndjson: bytes, count: int) -> bool:
    """Find signs of what raw values let pass: numbers out of range and endless nesting."""
    nested = ndjson.count(b"{") + ndjson.count(b"[") > MAX_DEPTH + 2 * count
    return nested or _BIG_NUMBER.search(ndjson) is not None


def _look_closely(part: bytes, index: int) -> None:
    if part.count(b"{") + part.count(b"[") > MAX_DEPTH:
        _check_depth(part, index)
    if _BIG_NUMBER.search(part) is None:
        return
    try:
        _checker.decode(part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgumentError(f"Record {index}: {error}.") from error
    for number in _INTEGER.findall(_STRING.sub(b"", part)):
        if not -(1 << 63) <= int(number) < 1 << 64:
            raise InvalidArgumentError(f"Record {index}: an integer needs more than 64 bits.")


def _check_depth(part: bytes, index: int) -> None:
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", part)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise InvalidArgumentError(f"Record {index}: nested deeper than {MAX_DEPTH} levels.")


def _explain(ndjson: bytes) -> InvalidArgumentError:
    """Find the record that is wrong, and say what is wrong with it."""
    for index, line in enumerate(ndjson.split(b"\n")):
        try:
            line.decode("utf-8")
            _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            return InvalidArgumentError(f"Record {index}: {why}.")
    return InvalidArgumentError("The batch is not newline-delimited JSON.")
