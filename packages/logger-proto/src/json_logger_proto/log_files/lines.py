"""Find the lines of a log on disk, and read their numbers."""

from __future__ import annotations

import os

import msgspec

from json_logger_proto.log_format import LARGEST_NUMBER

NEWLINE = b"\n"
_CHUNK = 8 * 1024
_FORWARD_CHUNK = 256 * 1024


class LineNumbers(msgspec.Struct):
    """The numbers of a line. Missing numbers are 0, a missing client is an empty text."""

    seq: int = 0
    client: str = ""
    client_seq: int = 0


_numbers = msgspec.json.Decoder(LineNumbers)
_anything = msgspec.json.Decoder()


def read_at(handle: int, start: int, length: int) -> bytes:
    """Read a part of a file; it is shorter than `length` only at the end of the file."""
    os.lseek(handle, start, os.SEEK_SET)
    parts = []
    while length > 0 and (part := os.read(handle, length)):
        parts.append(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def start_of_line(handle: int, offset: int) -> int:
    """Return where the line of the byte at `offset` begins."""
    while offset > 0:
        start = max(0, offset - _CHUNK)
        found = read_at(handle, start, offset - start).rfind(NEWLINE)
        if found >= 0:
            return start + found + 1
        offset = start
    return 0


def end_of_line(handle: int, offset: int, size: int) -> int:
    """Return the offset after the next newline from `offset` on; `size` if there is none."""
    while offset < size:
        chunk = read_at(handle, offset, min(_FORWARD_CHUNK, size - offset))
        if not chunk:
            return size
        found = chunk.find(NEWLINE)
        if found >= 0:
            return offset + found + 1
        offset += len(chunk)
    return size


def first_number(handle: int, start: int, limit: int, size: int) -> tuple[int, int]:
    """Find the first number in the lines that begin between `start` and `limit`.

    Args:
        handle: The file descriptor.
        start: Offset of the beginning of a line.
        limit: Offset at which the search ends.
        size: Size of the file in bytes; later bytes are ignored.

    Returns:
        The number and the offset after its line; 0 and `limit` if no line has a number.
    """
    while start < limit:
        end = end_of_line(handle, start, size)
        number = numbers_of(read_at(handle, start, end - start)).seq
        if number:
            return number, end
        start = end
    return 0, limit


def find_line(handle: int, seq: int, size: int) -> int:
    """Find the first record with the number `seq` or higher, by a binary search.

    A line without a number belongs to the next numbered line.

    Args:
        handle: The file descriptor.
        seq: The number.
        size: Size of the file in bytes; later bytes are ignored.

    Returns:
        The offset of its line; `size` if there is none.
    """
    low, high = 0, size
    # Invariant: numbered lines before `low` are too low, and the line at `high` is not.
    while low < high:
        start = start_of_line(handle, (low + high) // 2)
        number, end = first_number(handle, start, high, size)
        if number and number < seq:
            low = end
        else:
            high = start
    return low


def is_object(line: bytes) -> bool:
    """Return whether a line is one complete JSON object."""
    try:
        return isinstance(_anything.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def numbers_of(line: bytes) -> LineNumbers:
    """Read the numbers of a line. Ignore numbers that no server can have given."""
    try:
        found = _numbers.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return LineNumbers()
    return found if 0 < found.seq <= LARGEST_NUMBER else LineNumbers()


def numbers_in(lines: bytes) -> list[LineNumbers]:
    """Read the numbers of whole lines."""
    try:
        found = _numbers.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [numbers_of(line) for line in lines.split(NEWLINE) if line]
    return [n if 0 < n.seq <= LARGEST_NUMBER else LineNumbers() for n in found]
