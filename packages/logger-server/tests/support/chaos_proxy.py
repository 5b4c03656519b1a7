"""A TCP proxy that loses replies, cuts connections, and finds a restarted server again."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class ChaosProxy:
    """Forwards to a target `ipv4:HOST:PORT`, with the failures that a test chooses."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.loses_replies = False
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.target = f"ipv4:127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection; new ones are accepted."""
        while self._sockets:
            broken = self._sockets.pop()
            with contextlib.suppress(OSError):
                broken.shutdown(socket.SHUT_RDWR)
            broken.close()

    def __enter__(self) -> ChaosProxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                host, _, port = self.upstream.removeprefix("ipv4:").rpartition(":")
                try:
                    server = socket.create_connection((host, int(port)))
                except OSError:
                    client.close()
                    continue
                self._sockets += [client, server]
                for source, sink, is_reply in ((client, server, False), (server, client, True)):
                    threading.Thread(
                        target=self._forward, args=(source, sink, is_reply), daemon=True
                    ).start()

    def _forward(self, source: socket.socket, sink: socket.socket, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not (is_reply and self.loses_replies):
                    sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
