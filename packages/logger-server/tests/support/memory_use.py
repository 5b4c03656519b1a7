"""Log waveforms that a client hands over as memory."""

from __future__ import annotations

import numpy as np
from json_logger_client import JsonLoggerClient
from json_logger_client.sender import Sender
from logger_process import LoggerProcess
from logger_thread import LoggerThread
from processes import eventually
from session_sharing.v1 import lifecycle_pb2, lifecycle_pb2_grpc

ARRAY = np.arange(40_000.0)
"""An array that is long enough for memory."""


def bytes_by_memory(logger: LoggerThread) -> int:
    return int(logger.host.counters.read()["bytes_by_memory"])


def bytes_by_memory_of(logger: LoggerProcess) -> int:
    """Return the same for an anonymous logger in a process of its own."""
    with logger.channel() as channel:
        info = lifecycle_pb2_grpc.SessionLifecycleStub(channel).GetServerInfo(
            lifecycle_pb2.GetServerInfoRequest()
        )
    return int(info.counters["bytes_by_memory"])


def use_memory(log: JsonLoggerClient) -> None:
    """Log until the client uses memory: it asks the server after the first long waveform."""
    log.log_data("first", {}, {"a": ARRAY})
    wait_for_memory(log._calls)


def wait_for_memory(sender: Sender) -> None:
    eventually(lambda: sender.memory.take(ARRAY.nbytes) is not None)
