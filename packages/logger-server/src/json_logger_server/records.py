"""Records of a log: checked once when they arrive, numbered, and encoded as lines."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec
from session_sharing.core.errors import InvalidArgumentError

MAX_DEPTH = 100
"""Nesting that a record may have; every common JSON reader takes as much."""

_BRACE = ord("{")
_BIG_NUMBER = re.compile(rb"[0-9][eE]\+?[0-9]{3}|[0-9]{300}")
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
    lines = ndjson.count(b"\n") + (not ndjson.endswith(b"\n"))
    if len(records) != count or lines != count or b"\r" in ndjson:
        raise InvalidArgumentError(
            f"The batch announces {count} records and has {len(records)} on {lines} lines; write "
            "one JSON object a line, without line breaks inside."
        )
    suspicious = _needs_a_close_look(ndjson, count)
    for index, record in enumerate(records):
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


def _needs_a_close_look(ndjson: bytes, count: int) -> bool:
    """Find signs of what raw values let pass: surrogates, numbers out of range, endless nesting."""
    nested = ndjson.count(b"{") + ndjson.count(b"[") > 3 * count + MAX_DEPTH
    return nested or b"\\u" in ndjson or _BIG_NUMBER.search(ndjson) is not None


def _look_closely(part: bytes, index: int) -> None:
    depth = 0
    for bracket in re.finditer(rb"[\[{}\]]", _STRING.sub(b"", part)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise InvalidArgumentError(f"Record {index}: nested deeper than {MAX_DEPTH} levels.")
    try:
        _checker.decode(part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgumentError(f"Record {index}: {error}.") from error


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
