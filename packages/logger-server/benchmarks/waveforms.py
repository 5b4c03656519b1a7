"""Measure waveforms against a gRPC call that only writes the same bytes, and against numpy.save."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import grpc
import numpy as np
from json_logger_client import ConnectOptions, JsonLoggerClient
from json_logger_client.shared_memory import SharedMemory
from messages import record
from servers import OurServer, Server

ROUNDS = 30
_WARM_UP = 3
_BESIDE_ROUNDS = 3
_UNLIMITED = [("grpc.max_send_message_length", -1)]


@dataclass(frozen=True, slots=True)
class Waveform:
    """Seconds of one waveform, each the median of the same rounds."""

    ours: float
    """Of `log_data`, acknowledged after the write. Long waveforms go as memory."""
    in_messages: float
    """The same by a client without memory."""
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

    with (
        grpc.insecure_channel(noop.target, _UNLIMITED) as channel,
        ours.open(f"waveform-{count}.ndjson") as log,
        ours.open(f"messages-{count}.ndjson") as without_memory,
    ):
        without_memory._calls.memory = SharedMemory()
        call = channel.unary_unary(f"/benchmark.NoOp/{'WriteAndSync' if durable else 'Write'}")
        took: dict[Callable[[], object], list[float]] = {
            lambda: log.log_data("scope", {}, {"waveform": array}): [],
            lambda: without_memory.log_data("scope", {}, {"waveform": array}): [],
            lambda: call(array.tobytes()): [],
            save: [],
        }
        for number in range(rounds + _WARM_UP):
            first = number % len(took)  # what comes before a case must not favour another one
            for do, seconds in (*took.items(), *took.items())[first : first + len(took)]:
                started = time.perf_counter()
                do()
                seconds.append(time.perf_counter() - started)
            path.unlink()
    return Waveform(*(median(seconds[_WARM_UP:]) for seconds in took.values()))


@dataclass(frozen=True, slots=True)
class Beside:
    """p99 of small calls, in seconds, while another process sends waveforms; medians of rounds."""

    undisturbed: float
    """Of `log_data`, without waveforms."""
    elsewhere: float
    """The waveforms go to another server. They use the same share of the machine as here, so that
    the ratio of `here` shows the effect in the server."""
    here: float
    """The waveforms go to the same server."""
    noop_undisturbed: float
    """Of an empty call of the no-op."""
    noop_elsewhere: float
    """The same while another no-op writes the bytes of the waveforms."""
    noop_here: float
    """The same while this no-op writes them."""


def beside_waveforms(
    noops: tuple[Server, Server], ours: tuple[OurServer, OurServer], seconds: float
) -> Beside:
    """Make small calls to the first of two servers, while another process sends waveforms."""
    noop, ours_here = noops[0], ours[0]
    message = record("s" * 32).SerializeToString()
    with ours_here.open("beside.ndjson") as small, grpc.insecure_channel(noop.target) as channel:
        empty = channel.unary_unary("/benchmark.NoOp/Unary")
        cases: list[tuple[Callable[[], object], Server | None]] = [
            (call, target)
            for call, (here, elsewhere) in (
                (lambda: small.log_data("m", {}, {"i": 1}), ours),
                (lambda: empty(message), noops),
            )
            for target in (None, elsewhere, here)
        ]
        rounds = [
            [_p99_while_sending(call, target, seconds) for call, target in cases]
            for _ in range(_BESIDE_ROUNDS)
        ]
    return Beside(*(median(of_case) for of_case in zip(*rounds, strict=True)))


def _p99_while_sending(call: Callable[[], object], server: Server | None, seconds: float) -> float:
    """Measure p99 of a call while waveforms go to a server; without one, there are none."""
    if server is None:
        return _p99(call, seconds)
    how = "log" if isinstance(server, OurServer) else "bytes"
    command = [sys.executable, __file__, how, server.target]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        assert sender.stdin is not None
        sender.stdout.readline()
        found = _p99(call, seconds)
        sender.stdin.close()
    return found


def _p99(call: Callable[[], object], seconds: float) -> float:
    latencies = []
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        call()
        latencies.append(time.perf_counter() - started)
    return sorted(latencies)[int(len(latencies) * 0.99)]


def send_waveforms(how: str, target: str) -> None:
    """Send waveforms of a million doubles until standard input is closed.

    Args:
        how: ``log`` logs them; ``bytes`` sends their bytes to the no-op, which writes them.
        target: The server.
    """
    array = np.random.default_rng(1).random(1_000_000)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    with ExitStack() as stack:
        if how == "log":
            options = ConnectOptions(target)
            log = stack.enter_context(JsonLoggerClient("large.ndjson", connection=options))

            def send() -> None:
                log.log_data("scope", {}, {"waveform": array})
        else:
            channel = stack.enter_context(grpc.insecure_channel(target, _UNLIMITED))
            write = channel.unary_unary("/benchmark.NoOp/Write")

            def send() -> None:
                write(array.tobytes())

        send()
        print("ready", flush=True)
        while not over.is_set():
            send()


if __name__ == "__main__":
    send_waveforms(*sys.argv[1:])
