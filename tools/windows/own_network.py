"""Gives programs under Wine a network of their own: only the addresses 127.0.0.1 and ::1.

Wine needs 30 ms for each connection of the machine to tell which process owns it, and 25 s on a
machine with some hundred closed ones. In a network of its own Wine sees only its own connections,
and Linux forgets the closed ones at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

# Brings the loopback up, says so, and waits until the other end closes its standard input.
_KEEPER = """
import fcntl, socket, struct, sys
from pathlib import Path
UP, GET_FLAGS, SET_FLAGS = 1, 0x8913, 0x8914  # linux/sockios.h
with socket.socket() as any_socket:
    name = struct.pack("16sH22x", b"lo", 0)
    flags = struct.unpack("16sH22x", fcntl.ioctl(any_socket, GET_FLAGS, name))[1]
    fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH22x", b"lo", flags | UP))
Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("0")
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def own_network() -> Iterator[list[str]]:
    """Give what must stand before a command, so that it runs in this network.

    That is nothing where a process may not make a network: only root may.
    """
    unshare, nsenter = shutil.which("unshare"), shutil.which("nsenter")
    if os.geteuid() != 0 or unshare is None or nsenter is None:
        yield []
        return
    keeper = subprocess.Popen(
        [unshare, "--net", sys.executable, "-c", _KEEPER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert keeper.stdin is not None and keeper.stdout is not None
    try:
        is_ready = keeper.stdout.readline() == "ready\n"
        yield [nsenter, f"--net=/proc/{keeper.pid}/ns/net"] if is_ready else []
    finally:
        keeper.stdin.close()
        keeper.wait()
