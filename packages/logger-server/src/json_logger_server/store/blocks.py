"""Cut what is new in a file into blocks that the store takes in one statement; without any I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from json_logger_proto.log_files.lines import NEWLINE, is_object, numbers_of
from json_logger_proto.store import fit_text, short_name

from json_logger_server.store.errors import LogRefusedError

_encoder = msgspec.json.Encoder()


class _Head(msgspec.Struct):
    """The keys of a line that the store keeps in columns."""

    timestamp: str = ""
    measurement_name: str = ""
    seq: int = 0
    client: str = ""
    client_seq: int = 0


_decoder = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class Block:
    """Records that follow each other, as the store takes them."""

    count: int
    """Number of records; 0 if there are only lines of other programs."""
    heads: bytes
    """For each record, a JSON array: client, client_seq, timestamp and name."""
    lines: bytes
    """The lines; both are separated by newlines."""
    end: int
    """Bytes of the data that the block has used up."""
    unreadable: bool = False
    """Whether the only line is no JSON, so that the store must keep its bytes."""


def make_block(data: bytes, prev_seq: int, most: int) -> Block:
    """Make a block of the first records in whole lines of a file.

    Args:
        data: Whole lines.
        prev_seq: Number of the last record before them.
        most: Largest number of records.

    Raises:
        LogRefusedError: A record is missing, or the numbers begin again.
    """
    try:
        heads = _decoder.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _pick(data, prev_seq, most)
    follow = range(prev_seq + 1, prev_seq + 1 + len(heads))
    if len(heads) > most or data.count(NEWLINE) != len(heads):
        return _pick(data, prev_seq, most)
    if [head.seq for head in heads] != list(follow):
        return _pick(data, prev_seq, most)
    return Block(len(heads), _encode(heads), data[:-1], len(data))


def _pick(data: bytes, prev_seq: int, most: int) -> Block:
    """Make a block of lines among which some have no number, or cannot be read."""
    heads: list[_Head] = []
    lines: list[bytes] = []
    unreadable: list[tuple[bytes, int]] = []
    end = position = 0
    for line in data[:-1].split(NEWLINE):
        position += len(line) + 1
        seq = numbers_of(line).seq
        if seq:
            missing = seq - (prev_seq + len(lines) + 1)
            if missing and missing == len(unreadable):
                break  # the lines that cannot be read are the missing records
            _check_order(missing, seq)
            heads.append(_head_of(line))
            lines.append(line)
            unreadable.clear()
        elif line.strip() and not is_object(line):
            unreadable.append((line, position))
            continue
        if not unreadable:
            end = position
        if len(lines) == most:
            break
    else:
        unreadable.clear()  # the number of the next line will say what they are
    if not lines and unreadable:
        line, end = unreadable[0]
        return Block(1, _encode([_Head()]), line, end, unreadable=True)
    return Block(len(lines), _encode(heads), b"\n".join(lines), end)


def _check_order(missing: int, seq: int) -> None:
    if missing > 0:
        raise LogRefusedError(
            f"Records {seq - missing} to {seq - 1} are missing before record {seq}. Put them back."
        )
    if missing < 0:
        raise LogRefusedError(
            f"Record {seq} comes where {seq - missing} should come: the numbers begin again. Move "
            "the later records into a file of their own."
        )


def _head_of(line: bytes) -> _Head:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return _Head()
    timestamp, name = found.get("timestamp"), found.get("measurement_name")
    return _Head(
        timestamp if isinstance(timestamp, str) else "",
        name if isinstance(name, str) else "",
    )


def _encode(heads: Iterable[_Head]) -> bytes:
    rows = [
        (head.client, head.client_seq, head.timestamp, short_name(head.measurement_name))
        for head in heads
    ]
    try:
        encoded = _encoder.encode_lines(rows)
    except UnicodeEncodeError:  # lone surrogates
        encoded = b"\\u0000"
    if b"\\u0000" in encoded:
        encoded = _encoder.encode_lines(
            [(fit_text(c), n, fit_text(t), fit_text(m)) for c, n, t, m in rows]
        )
    return encoded[:-1]
