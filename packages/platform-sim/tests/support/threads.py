"""Send a signal to a certain thread of a process, as the system may do on a busy machine."""

from __future__ import annotations

import ctypes
import signal
from pathlib import Path


def signal_another_thread(pid: int, number: signal.Signals) -> None:
    """Send a signal to a thread of a process that is not its main thread (Linux)."""
    threads = [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    taker = next(one for one in threads if one != pid and not _blocks(pid, one, number))
    assert ctypes.CDLL(None).tgkill(pid, taker, int(number)) == 0


def _blocks(pid: int, thread: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/task/{thread}/status").read_text()
    (mask,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(int(mask, 16) >> (number - 1) & 1)
