"""Open files so that nothing but the wanted file is opened, and tell files apart."""

from __future__ import annotations

import os

# With these flags a link is not followed, opening a FIFO does not block, a terminal does not become
# the controlling terminal of the process, and Windows translates no newline.
READ_FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    READ_FLAGS |= getattr(os, _flag, 0)


def identity_of(facts: os.stat_result) -> tuple[int, int]:
    """Return device and inode, which no other file has while this one exists."""
    return facts.st_dev, facts.st_ino
