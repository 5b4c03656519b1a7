"""A power supply that speaks SCPI over TCP, for one program at a time, as many instruments do."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Supply(socketserver.ThreadingTCPServer):
    """Obeys `OUTPUT ON|OFF` and `VOLT x`, and answers `*IDN?`, `OUTPUT?` and `VOLT?`."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Commands)
        self.settings = {"OUTPUT": "OFF", "VOLT": "0"}
        self.connections = 0
        """Programs that are connected."""

    @property
    def visa_name(self) -> str:
        return f"TCPIP::127.0.0.1::{self.server_address[1]}::SOCKET"

    def answer(self, command: str) -> str | None:
        name, _, value = command.partition(" ")
        if command == "*IDN?":
            return "Example,PS-1,0,1.0"
        if name.endswith("?"):
            return self.settings[name.removesuffix("?")]
        self.settings[name] = value
        return None


class _Commands(socketserver.StreamRequestHandler):
    server: Supply

    def handle(self) -> None:
        self.server.connections += 1
        try:
            for line in self.rfile:
                answer = self.server.answer(line.decode().strip())
                if answer is not None:
                    self.wfile.write(f"{answer}\n".encode())
        except ConnectionError:
            pass
        finally:
            self.server.connections -= 1


@contextmanager
def supply() -> Iterator[Supply]:
    """Serve a supply during the block."""
    with Supply() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
