"""Show the counters of a server to Prometheus, as text by HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from session_sharing.server import InvalidArgumentError, ResourceInUseError, TcpListener

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric
    from session_sharing.server import Counters

_MOST_CONNECTIONS = 16
"""Connections that may be open at a time; more are closed at once."""
_MOST_REQUEST_BYTES = 8192
_PATIENCE = 5.0
"""Seconds for the whole exchange with one connection."""
_PREFIX = "json_logger_"
_HELP = {
    "bytes_under_way": "Bytes of requests and answers that the server holds.",
    "bytes_written": "Bytes written to all logs.",
    "call_seconds": "Seconds spent in unary calls.",
    "calls": "Unary calls that ended.",
    "clients": "Clients that are present.",
    "errors": "Calls that ended with an error.",
    "groups_written": "Writes to all logs; each write has the records of one or more batches.",
    "bytes_by_memory": "Bytes of samples that clients on this host handed over as memory.",
    "reads": "Requests that are arriving.",
    "records_written": "Records written to all logs.",
    "sessions": "Open sessions.",
    "sessions_attached": "Attachments to open sessions.",
    "sessions_closed": "Sessions that were closed.",
    "sessions_detached": "Attachments that ended.",
    "sessions_expired": "Attachments that ended because their client was lost.",
    "sessions_failed": "Sessions that ended because their log failed.",
    "sessions_opened": "Sessions that were opened.",
    "sessions_reclaimed": "Sessions without attachments that were closed for a new one.",
    "sessions_refused": "Calls that were refused because of the caller's identity.",
    "streams": "Open streams.",
}

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def serving_metrics(listener: TcpListener, counters: Counters) -> AsyncIterator[None]:
    """Serve the counters at an address during the block.

    A slow reader, or many of them, cannot hold more than a few connections.

    Raises:
        InvalidArgumentError: The extra [metrics] is not installed, or the address cannot be used.
        ResourceInUseError: Another program uses the port.
    """
    page = _Page(counters)
    address = listener.address(listener.port)
    try:
        server = await asyncio.start_server(
            page.serve, listener.host, listener.port, limit=_MOST_REQUEST_BYTES
        )
    except OSError as error:
        raise ResourceInUseError(
            f"The server cannot show its metrics at {address}: {error.strerror}. "
            "Choose another port for --metrics, or stop the program that uses it."
        ) from error
    port = server.sockets[0].getsockname()[1]
    _log.info("Prometheus can read http://%s/metrics", listener.address(port))
    try:
        yield
    finally:
        server.close()


class _Page:
    """Answers GET /metrics."""

    def __init__(self, counters: Counters) -> None:
        self._registry = _registry_of(counters)
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close the connection."""
        if self._connections >= _MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections += 1
        try:
            await asyncio.wait_for(self._answer(reader, writer), _PATIENCE)
        except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError):
            pass  # the reader is slow, gone, or no HTTP client
        finally:
            writer.transport.abort()
            self._connections -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            status, body = "405 Method Not Allowed", b"Use GET.\n"
        elif path != b"/metrics":
            status, body = "404 Not Found", b"The counters are at /metrics.\n"
        else:
            status, body = "200 OK", generate_latest(self._registry)
        kind = CONTENT_TYPE_LATEST if status == "200 OK" else "text/plain; charset=utf-8"
        lines = [
            f"HTTP/1.1 {status}",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if method != b"HEAD":
            writer.write(body)
        writer.close()
        await writer.wait_closed()


def _registry_of(counters: Counters) -> CollectorRegistry:
    """Return a registry that reads the counters when it is asked.

    Raises:
        InvalidArgumentError: prometheus_client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, ProcessCollector
        from prometheus_client.metrics_core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            InfoMetricFamily,
        )
        from prometheus_client.registry import Collector
    except ImportError as error:
        raise InvalidArgumentError(
            "--metrics needs the extra [metrics]: pip install 'json-logger-server[metrics]'"
        ) from error

    class CountersCollector(Collector):
        def collect(self) -> Iterable[Metric]:
            about = {"version": version("json-logger-server")}
            yield InfoMetricFamily("json_logger", "The server.", about)
            for name, value in sorted(counters.read_sums().items()):
                yield CounterMetricFamily(_PREFIX + name, _help_of(name), value)
            for name, value in sorted(counters.read_gauges().items()):
                yield GaugeMetricFamily(_PREFIX + name, _help_of(name), value)

    registry = CollectorRegistry()
    registry.register(CountersCollector())
    ProcessCollector(registry=registry)
    return registry


def _help_of(name: str) -> str:
    return _HELP.get(name, name.replace("_", " "))
