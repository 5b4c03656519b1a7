"""Read the records that clients send, and check each of them."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType
from session_sharing import InvalidArgumentError

MAX_DEPTH = 100
"""Levels of nesting that a record may have. Every common JSON reader accepts so many."""

_BRACE, _LF = b"{\n"
_SHAPES = bytes.maketrans(b"123456789E: \t", b"000000000e,,,")
"""Makes every digit a 0, and every byte that can precede a number a comma, except for brackets."""
_LETTERS = string.ascii_letters.encode().translate(None, b"eE") + b"+"
"""Bytes that say nothing about the size of a number."""
_NINETEEN_DIGITS = b"0" * 19
_LONG_SHAPES = (b",0" + _NINETEEN_DIGITS, b"[0" + _NINETEEN_DIGITS, b"-" + _NINETEEN_DIGITS)
"""Shapes of integers that may need more than 64 bits."""
_LONG_INTEGER = re.compile(rb"(?<=[\[,:\s])-?[0-9]{19,}(?![0-9.eE])")
_NO_SIGN = bytes(byte for byte in range(256) if byte not in b'{["\n')
"""All bytes but those that begin an object, a list or a text, and that end a line."""
_BRACE_TO_BRACKET = bytes.maketrans(b"{", b"[")
_TOO_MANY_BRACKETS = b"[" * (MAX_DEPTH + 1)
_NO_BRACKET = bytes(byte for byte in range(256) if byte not in b"{[]}")
_BRACES_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


class Limits(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Limits of one value. A missing one is no limit."""

    low: float | UnsetType = UNSET
    high: float | UnsetType = UNSET
    nominal: float | UnsetType = UNSET


class Uut(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The unit under test."""

    serial: str | UnsetType = UNSET
    part: str | UnsetType = UNSET
    lot: str | UnsetType = UNSET


class SequencePlace(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The place in a test sequence."""

    file: str | UnsetType = UNSET
    step: str | UnsetType = UNSET
    execution: str | UnsetType = UNSET


class SessionContext(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The reserved keys that the records of a session can have in common."""

    uut: Uut | UnsetType = UNSET
    station: str | UnsetType = UNSET
    operator: str | UnsetType = UNSET
    sequence: SequencePlace | UnsetType = UNSET

    def complete(self, record: AnyRecord) -> None:
        """Give a record the keys that it lacks."""
        if record.uut is UNSET:
            record.uut = self.uut
        if record.station is UNSET:
            record.station = self.station
        if record.operator is UNSET:
            record.operator = self.operator
        if record.sequence is UNSET:
            record.sequence = self.sequence


class Record(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One line of a log. The server sets the last four keys, also if a client sends them.

    `record.schema.json` of json-logger-proto describes the same keys for other programs.
    """

    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    """Time of the measurement, by the client's clock."""
    measurement_name: str
    measurement_configurations: msgspec.Raw
    """A JSON object, kept as the client wrote it."""
    measurement_outputs: msgspec.Raw
    """A JSON object, kept as the client wrote it."""
    units: dict[str, str] | UnsetType = UNSET
    limits: dict[str, Limits | list[Limits]] | UnsetType = UNSET
    status: Literal["passed", "failed", "aborted", "error"] | UnsetType = UNSET
    uut: Uut | UnsetType = UNSET
    station: str | UnsetType = UNSET
    operator: str | UnsetType = UNSET
    sequence: SequencePlace | UnsetType = UNSET
    seq: int = 0
    """Number in the file, from 1, without gaps."""
    client: str = ""
    """Public name of the client that wrote it."""
    client_seq: int = 0
    """Number in the client's count. Together with `client` it is the idempotency key."""
    writer: str = ""
    """Name that the client gave for itself."""


class ReferenceRecord(msgspec.Struct, omit_defaults=True):
    """A line that was written through the reference protocol. All its values are text."""

    timestamp: str
    measurement_name: str
    measurement_configurations: dict[str, str]
    measurement_outputs: dict[str, str]
    uut: Uut | UnsetType = UNSET
    station: str | UnsetType = UNSET
    operator: str | UnsetType = UNSET
    sequence: SequencePlace | UnsetType = UNSET
    seq: int = 0
    client: str = ""
    client_seq: int = 0
    writer: str = ""


AnyRecord = Record | ReferenceRecord

_decoder = msgspec.json.Decoder(Record)
_context_decoder = msgspec.json.Decoder(SessionContext)


def decode_batch(ndjson: bytes, count: int) -> list[Record]:
    """Read and check a batch of lines.

    Raises:
        InvalidArgumentError: A record breaks the protocol; the message names its index.
    """
    try:
        ndjson.decode("utf-8")
        records = _decoder.decode_lines(ndjson)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _explain(ndjson) from None
    if len(records) != count or not count:
        raise InvalidArgumentError(
            f"The request says that its batch has {count} records, but the batch has "
            f"{len(records)}. A batch needs at least one record."
        )
    if b"\r" in ndjson:
        raise InvalidArgumentError(
            "The batch contains a carriage return. End each line with a newline only."
        )
    utc = timezone.utc
    for index, record in enumerate(records):
        if record.timestamp.tzinfo is not utc:
            record.timestamp = _in_utc(record.timestamp, index)
    _check_values(records)
    return records


def decode_context(text: bytes) -> SessionContext:
    """Read the context that a client sets for a session.

    Raises:
        InvalidArgumentError: It is not a JSON object, or has wrong keys or values.
    """
    try:
        text.decode("utf-8")
        return _context_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgumentError(f"The context of the session is wrong: {error}.") from None


def fault_of(line: bytes) -> str:
    """Return how a line of a log breaks the schema of records; empty if it does not.

    `record.schema.json` of json-logger-proto is this schema.
    """
    try:
        record = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
    for name in ("measurement_configurations", "measurement_outputs"):
        if bytes(getattr(record, name))[0] != _BRACE:
            return f"Expected `object` - at `$.{name}`"
    return ""


def _check_values(records: Sequence[Record]) -> None:
    """Check the parts that msgspec only skips: first all of them together, as this is quick."""
    values = [record.measurement_configurations for record in records]
    values += [record.measurement_outputs for record in records]
    shape = b"\n".join([b"", *values]).translate(_SHAPES, _LETTERS)
    signs = shape.translate(None, _NO_SIGN)
    may_have_big_numbers, may_be_deep = _may_have_big_numbers(shape), _may_be_deep(signs)
    are_objects_on_lines = signs.count(b"\n{") == signs.count(b"\n") == len(values)
    if are_objects_on_lines and not may_have_big_numbers and not may_be_deep:
        return
    for index, record in enumerate(records):
        for raw in (record.measurement_configurations, record.measurement_outputs):
            one = bytes(raw)
            if one[0] != _BRACE or _LF in one:
                raise _not_an_object(one, index)
            if may_have_big_numbers:
                _check_numbers(one, index)
            if may_be_deep:
                _check_depth(one, index)


def _in_utc(moment: datetime, index: int) -> datetime:
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        raise InvalidArgumentError(f"Record {index}: its timestamp is out of range.") from None


def _not_an_object(values: bytes, index: int) -> InvalidArgumentError:
    """Return the error for values that cannot be stored as the client wrote them."""
    if values[0] != _BRACE:
        return InvalidArgumentError(
            f"Record {index}: its configurations or outputs are not a JSON object."
        )
    return InvalidArgumentError(
        f"Record {index} contains a line break. Write each record on one line."
    )


def _check_depth(values: bytes, index: int) -> None:
    """Remove the innermost brackets, level by level, until none is left."""
    brackets = _STRING.sub(b"", values).translate(_BRACES_TO_BRACKETS, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise InvalidArgumentError(f"Record {index} is nested deeper than {MAX_DEPTH} levels.")


def _may_have_big_numbers(shape: bytes) -> bool:
    """Return whether there may be a number beyond the range of a double or of 64 bits.

    The signs are long integer parts, and exponents of three digits. Exponents are searched from the
    end, so that bytes are compared with the rare `e` first, and not with a digit.

    Args:
        shape: The lines without the bytes of `_LETTERS`, and with the bytes of `_SHAPES`.
    """
    if shape.rfind(b"e000") >= 0:
        return True
    return _NINETEEN_DIGITS in shape and any(long in shape for long in _LONG_SHAPES)


def _may_be_deep(signs: bytes) -> bool:
    """Return whether a line has more opening brackets than allowed levels, strings included.

    Args:
        signs: The lines without the bytes of `_NO_SIGN`.
    """
    return _TOO_MANY_BRACKETS in signs.translate(_BRACE_TO_BRACKET, b'"')


def _check_numbers(values: bytes, index: int) -> None:
    try:
        msgspec.json.decode(values)  # refuses what a double cannot hold
    except msgspec.MsgspecError as error:
        raise InvalidArgumentError(
            f"Record {index}: a number is outside the range of a 64-bit float."
        ) from error
    integers = [*map(int, _LONG_INTEGER.findall(_STRING.sub(b"", values)))]
    if integers and not -(1 << 63) <= min(integers) <= max(integers) < 1 << 64:
        raise InvalidArgumentError(f"Record {index}: an integer needs more than 64 bits.")


def _explain(ndjson: bytes) -> InvalidArgumentError:
    """Find the first wrong record, and return an error that says why it is wrong."""
    for index, line in enumerate(ndjson.split(b"\n")):
        try:
            line.decode("utf-8")
            _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            return InvalidArgumentError(f"Record {index}: {why}.")
    return InvalidArgumentError("The batch is not newline-delimited JSON.")
