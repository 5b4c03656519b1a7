"""T45: bytes that no gRPC library sends end only their own call or connection."""

from __future__ import annotations

import pytest
from bare_http2 import DATA, HEADERS, PREFACE, SETTINGS, call, exchange, frame, message
from logger_process import LoggerProcess

OPEN = "/session_sharing.v1.SessionLifecycle/Open"
STREAM = "/json_logger_ext.v1.JsonLoggerExt/AppendStream"
BEGIN = PREFACE + frame(SETTINGS, 0, 0, b"")
SENT = {
    "HTTP/1.1": b"GET / HTTP/1.1\r\n\r\n",
    "TLS": bytes.fromhex("160301020001 0001fc0303") + bytes(32),
    "every byte": bytes(range(256)),
    "every byte, as frames": BEGIN + bytes(range(256)) * 10,
    "headers that cannot be unpacked": BEGIN + frame(HEADERS, 4, 1, b"\xff" * 50),
    "data before headers": BEGIN + frame(DATA, 1, 1, message(b"")),
    "no message": call(OPEN, b""),
    "half a prefix": call(OPEN, b"\0"),
    "a packed message without a packing": call(OPEN, message(b"\x08\x01", flag=1)),
    "an unknown flag": call(OPEN, message(b"\x08\x01", flag=255)),
    "less than announced": call(OPEN, message(b"", length=99)),
    "4 GB announced": call(OPEN, message(b"", length=2**32 - 1)),
    "two messages where one is expected": call(OPEN, message(b"") * 2),
    "more than announced": call(OPEN, message(b"xyz", length=1)),
    "a stream that breaks off": call(STREAM, message(b"") + message(b"", length=99)),
    "an unknown call": call("/a.B/C", message(b"")),
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT.keys())
def test_unusual_http2_is_answered_or_cut_off_and_others_are_served(
    sent: bytes, anonymous: LoggerProcess
) -> None:
    log = anonymous.folder / "server.err"
    before = log.read_text()
    exchange(anonymous.target, sent)

    with anonymous.client("a.log") as client:
        client.log_data("undisturbed", {}, {})
    assert log.read_text() == before
