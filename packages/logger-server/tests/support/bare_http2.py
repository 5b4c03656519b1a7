"""Send gRPC as bytes on a socket, for messages that no gRPC library sends."""

from __future__ import annotations

import socket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
_END_STREAM, _END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Build a frame (RFC 9113, section 4.1)."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


BEGIN = PREFACE + frame(SETTINGS, 0, 0, b"")
"""What a connection begins with."""


def call(path: str, body: bytes) -> bytes:
    """Build all bytes of a client that makes one call with this body."""
    return BEGIN + stream(1, path, body)


def stream(number: int, path: str, body: bytes | None, **more: str) -> bytes:
    """Build one call on an open connection.

    Args:
        number: Number of its stream: odd, and higher than the numbers before.
        path: The method, as in ``/pkg.Service/Call``.
        body: The request, with its end; None leaves the request open.
        more: Further headers.
    """
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
        **more,
    }
    # Literals without indexing (RFC 7541, section 6.2.2).
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in headers.items())
    begin = frame(HEADERS, _END_HEADERS, number, block)
    return begin if body is None else begin + frame(DATA, _END_STREAM, number, body)


def _text(text: str) -> bytes:
    """Write a string literal (RFC 7541, sections 5.1 and 5.2)."""
    size, data = len(text), text.encode()
    if size < 127:
        return bytes([size]) + data
    size -= 127
    prefix = bytearray([127])
    while size >= 128:
        prefix.append(size % 128 + 128)
        size //= 128
    return bytes([*prefix, size]) + data


def message(data: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """Build a message with its prefix, which may be wrong."""
    return bytes([flag]) + (len(data) if length is None else length).to_bytes(4, "big") + data


def connect(target: str) -> socket.socket:
    """Open a bare connection to a server."""
    host, _, port = target.removeprefix("ipv4:").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def exchange(target: str, sent: bytes) -> None:
    """Send bytes, and read until the server ends the call or the connection.

    Raises:
        TimeoutError: The server ends neither of them.
    """
    with (
        connect(target) as connection,
        connection.makefile("rb") as received,
    ):
        connection.sendall(sent)
        while len(head := received.read(9)) == 9:
            kind, flags = head[3:5]
            received.read(int.from_bytes(head[:3], "big"))
            if kind in (RST_STREAM, GOAWAY) or (kind == HEADERS and flags & _END_STREAM):
                return


def answer_pings(connection: socket.socket) -> None:
    """Read everything that a server sends, and answer only its pings.

    The client never enlarges its windows, so a larger answer stays in the server.
    """
    with connection.makefile("rb") as received:
        try:
            while len(head := received.read(9)) == 9:
                payload = received.read(int.from_bytes(head[:3], "big"))
                if head[3] == PING and not head[4]:
                    connection.sendall(frame(PING, 1, 0, payload))
        except (OSError, ValueError):
            return  # the test has closed it
