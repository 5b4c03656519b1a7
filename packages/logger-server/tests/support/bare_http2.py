"""gRPC as bytes on a socket, for what no gRPC library would send."""

from __future__ import annotations

import socket

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Build a frame (RFC 9113, section 4.1)."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def call(path: str, body: bytes) -> bytes:
    """Build what a client sends that makes one call with this body."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    # Literals without indexing (RFC 7541, section 6.2.2); all are shorter than 127 bytes.
    block = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in headers.items()
    )
    return (
        PREFACE
        + frame(SETTINGS, 0, 0, b"")
        + frame(HEADERS, _END_HEADERS, 1, block)
        + frame(DATA, _END_STREAM, 1, body)
    )


def message(data: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """Build a message with its prefix, which may lie."""
    return bytes([flag]) + (len(data) if length is None else length).to_bytes(4, "big") + data


def exchange(target: str, sent: bytes) -> None:
    """Send bytes and read until the server ends the call or the connection.

    Raises:
        TimeoutError: It does neither.
    """
    host, _, port = target.removeprefix("ipv4:").rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as connection,
        connection.makefile("rb") as received,
    ):
        connection.sendall(sent)
        while len(head := received.read(9)) == 9:
            kind, flags = head[3:5]
            received.read(int.from_bytes(head[:3], "big"))
            if kind in (RST_STREAM, GOAWAY) or (kind == HEADERS and flags & _END_STREAM):
                return
