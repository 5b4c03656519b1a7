"""Measure waveforms against a gRPC call that only writes the same bytes, and against numpy.save."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import grpc
import numpy as np
from json_logger_client import ConnectOptions, JsonLoggerClient
from servers import OurServer, Server

ROUNDS = 30
_WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Waveform:
    """Seconds of one waveform, each the median of the same rounds."""

    ours: float
    """Of `log_data`, acknowledged after the write."""
    noop: float
    """Of a unary call with the bytes, which the server writes before it answers."""
    saved: float
    """Of `numpy.save` into a new file in the log's folder."""


def waveform(noop: Server, ours: OurServer, count: int, rounds: int = ROUNDS) -> Waveform:
    """Log a waveform of `count` doubles, send it to the no-op, and save it by numpy, in turn.

    A durable server is compared with a no-op and a file that are synced.
    """
    array = np.random.default_rng(count).random(count)
    durable = "durable" in ours.name
    path = ours.folder / "saved.npy"

    def save() -> None:
        with path.open("wb") as file:
            np.save(file, array)
            if durable:
                file.flush()
                os.fdatasync(file.fileno())

    unlimited = [("grpc.max_send_message_length", -1)]
    with (
        grpc.insecure_channel(noop.target, unlimited) as channel,
        ours.open(f"waveform-{count}.ndjson") as log,
    ):
        call = channel.unary_unary(f"/benchmark.NoOp/{'WriteAndSync' if durable else 'Write'}")
        took: dict[Callable[[], object], list[float]] = {
            lambda: log.log_data("scope", {}, {"waveform": array}): [],
            lambda: call(array.tobytes()): [],
            save: [],
        }
        for _ in range(rounds + _WARM_UP):
            for do, seconds in took.items():
                started = time.perf_counter()
                do()
                seconds.append(time.perf_counter() - started)
            path.unlink()
    return Waveform(*(median(seconds[_WARM_UP:]) for seconds in took.values()))


@dataclass(frozen=True, slots=True)
class Beside:
    """p99 of small records, in seconds, while another process logs waveforms."""

    undisturbed: float
    """Without waveforms."""
    elsewhere: float
    """The waveforms go to another server. They use the same share of the machine as here, so that
    the ratio of `here` shows the effect in the server."""
    here: float
    """The waveforms go to the same server."""


def beside_waveforms(ours: OurServer, other: OurServer, seconds: float) -> Beside:
    """Log small records while another process logs waveforms of a million doubles."""
    with ours.open("beside.ndjson") as small:
        return Beside(
            _p99(small, seconds),
            _p99_while_sending(small, other, seconds),
            _p99_while_sending(small, ours, seconds),
        )


def _p99_while_sending(log: JsonLoggerClient, server: OurServer, seconds: float) -> float:
    command = [sys.executable, __file__, server.target]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        assert sender.stdin is not None
        sender.stdout.readline()
        found = _p99(log, seconds)
        sender.stdin.close()
    return found


def _p99(log: JsonLoggerClient, seconds: float) -> float:
    latencies = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        log.log_data("m", {}, {"i": 1})
        latencies.append(time.perf_counter() - started)
    return sorted(latencies)[int(len(latencies) * 0.99)]


def send_waveforms(target: str) -> None:
    """Log waveforms of a million doubles until standard input is closed."""
    array = np.random.default_rng(1).random(1_000_000)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    with JsonLoggerClient("large.ndjson", connection=ConnectOptions(target)) as log:
        log.log_data("scope", {}, {"waveform": array})
        print("ready", flush=True)
        while not over.is_set():
            log.log_data("scope", {}, {"waveform": array})


if __name__ == "__main__":
    send_waveforms(sys.argv[1])
