"""Run a package index on a free loopback port, to rehearse a release."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def index_server(program: Path, packages: Path) -> Iterator[str]:
    """Run pypiserver on a folder. Every user of this host can use it.

    Args:
        program: The command ``pypi-server``.
        packages: Folder for uploads.

    Yields:
        The server's address.

    Raises:
        RuntimeError: The server does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"--port={port}", "--passwords=.", "--authenticate=.", "--disable-fallback"]
    command = [str(program), "run", "--interface=127.0.0.1", *options, str(packages)]
    with subprocess.Popen(command) as server:
        try:
            _wait_until_it_answers(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int) -> None:
    while server.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
    raise RuntimeError("the index server ended before it was ready")
