"""The cases that are measured: for each case the servers to compare, and their load."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import threading
import time
import timeit
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import grpc
from json_logger_client.write_order import Lane, order_of
from json_logger_proto import json_logger_pb2 as pb
from json_logger_proto import json_logger_pb2_grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_server.records import decode_batch
from load import Outcome, Requests, same, stream, unary
from messages import BATCH, LINE, map_batch_class, record
from servers import OurServer, Server, baseline

LOG = "/json_logger.JsonLogger/LogMeasurementData"
APPEND = "/json_logger_ext.v1.JsonLoggerExt/Append"
APPEND_STREAM = "/json_logger_ext.v1.JsonLoggerExt/AppendStream"
Run = Callable[[float], Coroutine[Any, Any, Outcome]]


@dataclass
class Case:
    """One line of the table: the same load on several servers."""

    name: str
    runs: dict[str, Run]
    """By server; the first is the limit that the others are compared with."""
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)

    def best(self, server: str, what: Callable[[Outcome], float]) -> float:
        """Return the median of the rounds."""
        return median(map(what, self.outcomes[server]))


@dataclass(frozen=True, slots=True)
class Crowd:
    """The cost of many open sessions."""

    p50_one: float
    """Seconds of a call with one session."""
    p50_many: float
    memory: float
    """Bytes of a session."""
    descriptors: float


class Bench:
    """All servers at once, so that rounds can be interleaved."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Bench:
        enter = self._stack.enter_context
        self.folder = Path(enter(tempfile.TemporaryDirectory(prefix="bench-")))
        self.noop = enter(baseline("noop", self.folder / "noop"))
        self.plain = enter(baseline("plain", self.folder / "plain"))
        self.flushed: OurServer = enter(OurServer(self.folder / "flushed", "flushed"))  # type: ignore[assignment]
        self.durable: OurServer = enter(OurServer(self.folder / "durable", "durable"))  # type: ignore[assignment]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def unary(self, callers: int) -> Case:
        """Log by the reference protocol, a record a call."""
        servers = {
            "no-op": (
                self.noop,
                "/benchmark.NoOp/Unary",
                same(record("s" * 32).SerializeToString()),
            )
        }
        for server in (self.plain, self.flushed, self.durable):
            session = open_file(server, f"unary-{callers}.ndjson")
            requests = same(record(session).SerializeToString())
            servers[server.name] = (server, LOG, requests)

        def run(server: Server, method: str, requests: Requests) -> Run:
            return lambda seconds: unary(server, method, requests, 1, callers, seconds)

        noun = "caller" if callers == 1 else "callers"
        return Case(f"unary, {callers} {noun}", {n: run(*s) for n, s in servers.items()})

    def batches(self, callers: int) -> Case:
        """Append a hundred records a call."""
        maps = same(map_batch(BATCH))
        runs: dict[str, Run] = {
            "no-op": lambda s: unary(self.noop, "/benchmark.NoOp/Maps", maps, BATCH, callers, s)
        }
        for server in (self.flushed, self.durable):
            requests = self._appends(server, BATCH)
            runs[server.name] = lambda s, server=server, r=requests: unary(
                server, APPEND, r, BATCH, callers, s
            )
        return Case(f"batches of {BATCH}, {callers} callers", runs)

    def streamed(self, count: int) -> Case:
        """Append on one stream, `count` records a message, up to 16 messages under way."""
        maps = same(map_batch(count))
        runs: dict[str, Run] = {
            "no-op": lambda s: stream(self.noop, "/benchmark.NoOp/Stream", maps, count, s)
        }
        for server in (self.flushed, self.durable):
            requests = self._appends(server, count)
            runs[server.name] = lambda s, server=server, r=requests: stream(
                server, APPEND_STREAM, r, count, s
            )
        what = f"batches of {count}" if count > 1 else "single records"
        return Case(f"stream, {what}", runs)

    def _appends(self, server: OurServer, count: int) -> Requests:
        """Make requests with new records for ever, `count` in each."""
        log = self._stack.enter_context(server.open("appends.ndjson"))
        lane, attachment = Lane(order_of(log.connection)), log.attachment
        ndjson = b"\n".join([LINE] * count)

        def requests() -> Requests:
            while True:
                yield ext.AppendRequest(
                    attachment=attachment,
                    first_client_seq=lane.take(count),
                    count=count,
                    ndjson=ndjson,
                ).SerializeToString()

        return requests()

    def initialize_seconds(self, server: Server, megabytes: int, times: int) -> float:
        """Open and close a file of a size; return the median time of the opening."""
        path = server.folder / f"{megabytes}mb.ndjson"
        if not path.exists():
            fill(path, megabytes)
        stub = json_logger_pb2_grpc.JsonLoggerStub(grpc.insecure_channel(server.target))
        took = []
        for _ in range(times):
            started = time.perf_counter()
            request = pb.InitializeFileRequest(file_path=str(path))
            name = stub.InitializeFile(request, timeout=120).session_name
            took.append(time.perf_counter() - started)
            stub.CloseFile(pb.CloseFileRequest(session_name=name))
        return median(took)

    def sessions(self, count: int, rounds: int, seconds: float) -> Crowd:
        """Log on a server with one session and on one with many, in turn."""
        empty = self.flushed
        with OurServer(self.folder / "crowded", "flushed") as crowded:
            memory, descriptors = crowded.memory(), crowded.descriptors()
            name = [open_file(crowded, f"{number}.ndjson") for number in range(count)][-1]
            memory = crowded.memory() - memory
            descriptors = crowded.descriptors() - descriptors
            sessions = {empty: open_file(empty, "one.ndjson"), crowded: name}
            p50: dict[OurServer, list[float]] = {empty: [], crowded: []}
            for _ in range(rounds):
                for server, session in sessions.items():
                    requests = same(record(session).SerializeToString())
                    outcome = asyncio.run(unary(server, LOG, requests, 1, 1, seconds))
                    p50[server].append(outcome.quantile(0.5))
        return Crowd(median(p50[empty]), median(p50[crowded]), memory / count, descriptors / count)

    def one_caller(self, times: int) -> tuple[float, float]:
        """Log by the client, and call the no-op by gRPC's own blocking call, in turn.

        Returns:
            p50 of both, in seconds.
        """
        message = record("s" * 32).SerializeToString()
        log = self._stack.enter_context(self.flushed.open("one-caller.ndjson"))
        channel = self._stack.enter_context(grpc.insecure_channel(self.noop.target))
        noop = channel.unary_unary("/benchmark.NoOp/Unary")
        took: tuple[list[float], list[float]] = ([], [])
        for _ in range(times):
            for seconds, call in zip(
                took, (lambda: log.log_data("m", {}, {"i": 1}), lambda: noop(message)), strict=True
            ):
                started = time.perf_counter()
                call()
                seconds.append(time.perf_counter() - started)
        return median(took[0]), median(took[1])

    def disturbed(self, seconds: float) -> tuple[float, float]:
        """Log undisturbed, and while others open files of 100 MB.

        Returns:
            p99 of both, in seconds.
        """
        server = self.flushed
        requests = same(record(open_file(server, "disturbed.ndjson")).SerializeToString())
        calm = asyncio.run(unary(server, LOG, requests, 1, 4, seconds))
        stopping = threading.Event()

        def open_large() -> None:
            while not stopping.is_set():
                self.initialize_seconds(server, 100, 1)
                stopping.wait(0.05)

        thread = threading.Thread(target=open_large)
        thread.start()
        busy = asyncio.run(unary(server, LOG, requests, 1, 4, seconds))
        stopping.set()
        thread.join()
        return calm.quantile(0.99), busy.quantile(0.99)


def checking_seconds() -> tuple[float, float]:
    """Check a megabyte of small records, and a waveform of a million doubles.

    Returns:
        Seconds of both, in which a server serves nobody else.
    """
    count = 1_000_000 // len(LINE)
    small = b"\n".join([LINE] * count)
    waveform = json.dumps([math.sin(number) for number in range(1_000_000)]).encode()
    large = LINE.replace(b'"measurement_outputs":{', b'"measurement_outputs":{"w":%b,' % waveform)
    return (
        median(timeit.repeat(lambda: decode_batch(small, count), number=1, repeat=9)),
        median(timeit.repeat(lambda: decode_batch(large, 1), number=1, repeat=9)),
    )


def open_file(server: Server, name: str) -> str:
    """Open a log by the reference protocol; return the session's name."""
    with grpc.insecure_channel(server.target) as channel:
        stub = json_logger_pb2_grpc.JsonLoggerStub(channel)
        request = pb.InitializeFileRequest(file_path=str(server.folder / name))
        return str(stub.InitializeFile(request).session_name)


def map_batch(count: int) -> bytes:
    """Encode a batch as protobuf maps, which the no-op decodes."""
    batch = map_batch_class()()
    batch.records.extend([record("s" * 32)] * count)
    return bytes(batch.SerializeToString())


def fill(path: Path, megabytes: int) -> None:
    """Write a log as this server writes it."""
    with path.open("wb") as file:
        for line in _lines(megabytes * 1_000_000):
            file.write(line)


def _lines(size: int) -> Iterator[bytes]:
    seq = 0
    while size > 0:
        seq += 1
        line = LINE[:-1] + b',"seq":%d,"client":"%032d","client_seq":%d}\n' % (seq, 7, seq)
        size -= len(line)
        yield line
