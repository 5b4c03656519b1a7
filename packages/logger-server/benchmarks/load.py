"""Clients that send as fast as a server answers; their requests are encoded beforehand."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import grpc.aio
from servers import Server

Requests = Iterator[bytes]
_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one run."""

    records: int
    seconds: float
    cpu: float
    """CPU seconds of the server."""
    latencies: list[float]
    """Seconds of each call, sorted."""

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds

    @property
    def cost(self) -> float:
        """Microseconds of the server's CPU per record."""
        return self.cpu / self.records * 1e6

    def quantile(self, share: float) -> float:
        """Latency that `share` of the calls stay below, in seconds."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


async def unary(
    server: Server, method: str, requests: Requests, per_call: int, callers: int, seconds: float
) -> Outcome:
    """Call a unary method from several callers, each with one call at a time."""
    latencies: list[float] = []
    async with grpc.aio.insecure_channel(server.target, _OPTIONS) as channel:
        call = channel.unary_unary(method)
        await call(next(requests))
        started, cpu = time.perf_counter(), server.cpu()
        end = started + seconds

        async def caller() -> None:
            while (sent := time.perf_counter()) < end:
                await call(next(requests))
                latencies.append(time.perf_counter() - sent)

        await asyncio.gather(*(caller() for _ in range(callers)))
        took = time.perf_counter() - started
        cpu = server.cpu() - cpu
    return Outcome(len(latencies) * per_call, took, cpu, sorted(latencies))


async def stream(
    server: Server, method: str, requests: Requests, per_message: int, seconds: float
) -> Outcome:
    """Keep up to 16 unanswered messages on one stream."""
    room = asyncio.Semaphore(16)
    answered = 0
    async with grpc.aio.insecure_channel(server.target, _OPTIONS) as channel:
        started, cpu = time.perf_counter(), server.cpu()
        end = started + seconds

        async def messages() -> AsyncIterator[bytes]:
            while time.perf_counter() < end:
                await room.acquire()
                yield next(requests)

        async for _ in channel.stream_stream(method)(messages()):
            answered += 1
            room.release()
        took = time.perf_counter() - started
        cpu = server.cpu() - cpu
    return Outcome(answered * per_message, took, cpu, [])


def same(data: bytes) -> Requests:
    """Send the same request for ever."""
    return itertools.repeat(data)
