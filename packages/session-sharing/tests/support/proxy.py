"""Run a TCP proxy that can lose an answer of a server, or be slow, as a network can."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable


class LossyProxy:
    """Forwards connections to a port of this host, and can lose the answer on one of them."""

    def __init__(self, port: int, delay: float = 0.0) -> None:
        """Forward to a port; what is sent arrives `delay` seconds later."""
        self._port = port
        self._delay = delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lose_when: Callable[[], bool] = lambda: False
        self._losing = -1
        self.lost = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def target(self) -> str:
        return f"ipv4:127.0.0.1:{self._listener.getsockname()[1]}"

    def lose_answer(self, connection: int, when: Callable[[], bool]) -> None:
        """Break a connection instead of forwarding the first answer after `when`.

        Args:
            connection: Number of the connection, in the order in which they were made.
            when: Returns whether the server has carried the call out.
        """
        self._lose_when = when
        self._losing = connection

    def close(self) -> None:
        self._listener.close()
        for pair in self._pairs:
            _break(*pair)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                pair = client, socket.create_connection(("127.0.0.1", self._port))
                number = len(self._pairs)
                self._pairs.append(pair)
                for source, sink in (pair, pair[::-1]):
                    arguments = (source, sink, number if source is pair[1] else None)
                    threading.Thread(target=self._forward, args=arguments, daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, answers: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers is not None and answers == self._losing and self._lose_when():
                    self._losing = -1
                    self.lost.set()
                    break
                time.sleep(self._delay)
                sink.sendall(data)
        _break(source, sink)


def _break(*sockets: socket.socket) -> None:
    for each in sockets:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
