"""Gives programs under Wine a network and processes of their own.

Tests ask which process owns a connection. Wine then reads every open file of every process that it
sees, for each connection of the machine. In a space of its own Wine sees its own processes, and its
own connections with the addresses 127.0.0.1 and ::1. Linux forgets the closed ones at once. The end
of the space ends all its processes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

# Brings the loopback up, says so, and waits until the other end closes its standard input. It is
# the first process of the space: it becomes the parent of those that have lost theirs.
_KEEPER = """
import fcntl, signal, socket, struct, sys
from pathlib import Path
UP, GET_FLAGS, SET_FLAGS = 1, 0x8913, 0x8914  # linux/sockios.h
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with socket.socket() as any_socket:
    name = struct.pack("16sH22x", b"lo", 0)
    flags = struct.unpack("16sH22x", fcntl.ioctl(any_socket, GET_FLAGS, name))[1]
    fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH22x", b"lo", flags | UP))
settings = Path("/proc/sys/net/ipv4")
(settings / "tcp_max_tw_buckets").write_text("0")
(settings / "tcp_wmem").write_text("4096 {buffer} {buffer}")
print("ready", flush=True)
sys.stdin.read()
"""

_BUFFER = 64 * 2**20
"""Bytes that a connection takes at once. Of what exceeds it, Wine sends a part and says so, and
gRPC then ends its process."""

_NEW = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
# `nsenter` starts in the root folder, and the end of `nsenter` does not end what it started.
_ENTER = 'keeper=$1; shift; exec nsenter --net=$keeper/net --pid=$keeper/pid_for_children \
--mount=$keeper/mnt --wd="$(pwd)" setpriv --pdeathsig KILL "$@"'


@contextlib.contextmanager
def own_space() -> Iterator[list[str]]:
    """Give what must stand before a command, so that it runs in this space.

    That is nothing where a process may not make a space: only root may.
    """
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "nsenter", "setpriv"))):
        yield []
        return
    keeper = subprocess.Popen(
        [*_NEW, sys.executable, "-c", _KEEPER.format(buffer=_BUFFER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert keeper.stdin is not None and keeper.stdout is not None
    try:
        is_ready = keeper.stdout.readline() == "ready\n"
        yield ["sh", "-c", _ENTER, "sh", f"/proc/{keeper.pid}/ns"] if is_ready else []
    finally:
        keeper.stdin.close()
        keeper.wait()
