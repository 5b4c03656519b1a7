"""Make the gRPC server of a host, with its pings and limits."""

from __future__ import annotations

import grpc.aio

from session_sharing.server.interceptor import DomainInterceptor


def make_server(
    interceptor: DomainInterceptor, *, window: float, max_message_bytes: int, max_calls: int
) -> grpc.aio.Server:
    """Make a server that has no listener yet.

    Args:
        interceptor: Wraps all its calls.
        window: Presence window in seconds; the connection's pings prove presence within half of it.
        max_message_bytes: Largest message in bytes.
        max_calls: Calls that one connection may have open at a time.
    """
    ping_ms = round(window * 1000 / 4)
    options = [
        # Two servers would silently share one TCP port.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", max_message_bytes),
        # A compressed message of a few bytes could unpack to gigabytes.
        ("grpc.compression_enabled_algorithms_bitset", 1),
        ("grpc.max_concurrent_streams", max_calls),
        # A program that connects and sends nothing, or half a handshake, holds a file descriptor
        # for no longer than this.
        ("grpc.server_handshake_timeout_ms", 10_000),
        # Pings prove a client's presence without its Python: a client whose interpreter is busy
        # answers, a client that is stopped or unplugged does not. The keepalive timeout alone is
        # not enough: only the ping timeout ends a silent connection.
        ("grpc.keepalive_time_ms", ping_ms),
        ("grpc.keepalive_timeout_ms", ping_ms),
        ("grpc.http2.ping_timeout_ms", ping_ms),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # Clients may ping once a second; gRPC would disconnect clients that ping more often.
        ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ]
    server = grpc.aio.server(interceptors=[interceptor], options=options)
    # At each call, grpc.aio waits on one task for every registered method, which costs more than
    # the call itself. The generic handlers, which generated code adds as well, serve all methods.
    server.add_registered_method_handlers = _leave_to_generic_handlers  # type: ignore[method-assign]
    return server


def _leave_to_generic_handlers(service_name: str, method_handlers: object) -> None:
    """Register nothing; the generic handlers serve these methods."""
