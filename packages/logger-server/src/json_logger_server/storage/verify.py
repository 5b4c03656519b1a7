"""Check all files of a log, line by line, with their waveforms."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from json_logger_proto.log_files.rotated import files_of
from json_logger_proto.log_format import WAVEFORM_KEY

from json_logger_server.records import fault_of
from json_logger_server.storage.verify_waveforms import WaveformChecker

_MOST_DIGITS = 400
_WAVEFORM = WAVEFORM_KEY.encode()


@dataclass(slots=True)
class Problem:
    """The first wrong line."""

    line: int
    """Number of the line in its file, from 1."""
    reason: str
    file: str
    """Path of the file that has the line."""


@dataclass(slots=True)
class Verdict:
    """The result of a check."""

    files: int = 0
    """Files that were read: the log and its rotated files, up to the first problem."""
    lines: int = 0
    """Lines up to the first problem, blank lines included."""
    records: int = 0
    numbered: int = 0
    """Records with a sequence number. Records of other programs have none."""
    first_seq: int = 0
    last_seq: int = 0
    clients: int = 0
    waveforms: int = 0
    """Waveforms to which numbered records refer. Their samples are checked, too."""
    problem: Problem | None = None


@dataclass(slots=True)
class _Checker:
    with_schema: bool
    verdict: Verdict = field(default_factory=Verdict)
    waveforms: WaveformChecker | None = None
    previous_seq: int = 0
    clients: dict[str, _Numbers] = field(default_factory=dict)

    def check(self, line: bytes) -> str:
        """Check the next line. Return what is wrong with it, or an empty text."""
        if not line.endswith(b"\n"):
            return "the file ends within a line; the server repairs this when it opens the log"
        if not line.strip():
            return ""
        record = _parse(line)
        if isinstance(record, str):
            return record
        fault = fault_of(line) if self.with_schema else ""
        if fault:
            return f"it breaks the schema of records: {fault}"
        self.verdict.records += 1
        seq = record.get("seq")
        if not isinstance(seq, int):
            self.previous_seq = 0  # another program wrote it, so numbers may start again
            return ""
        reason = self._check_numbers(seq, record.get("client"), record.get("client_seq"))
        if not reason and _WAVEFORM in line and self.waveforms is not None:
            reason = self.waveforms.check(record)
        return reason

    def _check_numbers(self, seq: int, client: object, client_seq: object) -> str:
        if self.previous_seq and seq != self.previous_seq + 1:
            return f"its number {seq} follows {self.previous_seq}; records are missing"
        self.previous_seq = self.verdict.last_seq = seq
        self.verdict.first_seq = self.verdict.first_seq or seq
        self.verdict.numbered += 1
        if isinstance(client, str) and isinstance(client_seq, int):
            numbers = self.clients.setdefault(client, _Numbers())
            if not numbers.add(client_seq):
                return f"the log has record {client_seq} of client {client} twice"
        return ""


class _Numbers:
    """A set of integers that mostly come in order, kept as ranges."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def add(self, number: int) -> bool:
        """Add a number. Return False if the set has it already."""
        if self._ranges:
            first, last = self._ranges[-1]
            if number == last + 1:
                self._ranges[-1] = (first, number)
                return True
            if number <= last and any(low <= number <= high for low, high in self._ranges):
                return False
        self._ranges.append((number, number))
        self._ranges.sort()
        return True


def verify(path: Path, *, with_schema: bool = False) -> Verdict:
    """Check that every line is one strict JSON object and that the numbers and waveforms fit.

    Args:
        path: The log. Its rotated files are checked before it.
        with_schema: Also check that every line fulfils the schema of records.

    Raises:
        NotAResourceError: The file is not a log, for example a compressed file.
        OSError: A file cannot be read.
    """
    checker = _Checker(with_schema)
    verdict = checker.verdict
    for name, file in files_of(path):
        verdict.files += 1
        with contextlib.closing(WaveformChecker(name)) as checker.waveforms:
            for number, line in enumerate(file, start=1):
                verdict.lines += 1
                reason = checker.check(line)
                if reason:
                    verdict.problem = Problem(number, reason, str(name))
                    break
            verdict.waveforms += checker.waveforms.count
        if verdict.problem:
            break
    verdict.clients = len(checker.clients)
    return verdict


def _parse(line: bytes) -> dict[str, Any] | str:
    """Read a line, as strictly as the strictest reader. A text says what is wrong with it."""
    try:
        record = json.loads(
            line.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_integer
        )
    except UnicodeDecodeError as error:
        return f"it is not UTF-8: {error.reason} at byte {error.start}"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return f"it is not JSON: {error}"
    return record if isinstance(record, dict) else "it is JSON but not an object"


def _integer(digits: str) -> int | float:
    """Read an integer; return infinity for one with more digits than Python reads."""
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")
