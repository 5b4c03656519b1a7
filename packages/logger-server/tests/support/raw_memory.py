"""Calls of a client that hands over memory in any way."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from logger_bench import LoggerBench
from memory_use import ARRAY
from waveforms import reference


class RawMemory:
    """A client that appends records, each with a waveform in a memory."""

    def __init__(self, bench: LoggerBench) -> None:
        """Open a log, and ask the server how it takes memory."""
        self.bench = bench
        self.folder = bench.folder
        self.session_name = (opened := bench.open("a.ndjson")).session_name
        self.attachment = opened.attachment
        self.offer = bench.share_memory(self.attachment)
        self._last = 0

    def append(self, about: ext.SamplesInMemory, array: np.ndarray = ARRAY) -> int:
        """Append a record, and return its number in the file."""
        self._last += 1
        text = (
            b'{"timestamp":"2026-01-01T00:00:00Z","measurement_name":"m",'
            b'"measurement_configurations":{},"measurement_outputs":{"a":%b}}' % reference(array)
        )
        request = ext.AppendRequest(
            attachment=self.attachment,
            first_client_seq=self._last,
            count=1,
            ndjson=text,
            in_memory=[about],
        )
        answers = self.bench.ext.AppendStream(iter([request]), metadata=self.bench.user)
        return int(next(answers).first_seq)

    def refusal(self, about: ext.SamplesInMemory, array: np.ndarray = ARRAY) -> str:
        """Return why the server does not append a record."""
        with pytest.raises(grpc.RpcError) as refused:
            self.append(about, array)
        return str(refused.value.details())
