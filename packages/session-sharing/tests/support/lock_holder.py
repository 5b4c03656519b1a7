"""Wait for the lock `scope-1`, say when it is held, and hold it until a line comes."""

from __future__ import annotations

import sys

from session_sharing.locks import HardwareLock


def main(label: str) -> None:
    with HardwareLock("scope-1", timeout=300, label=label) as lock:
        before = lock.crashed_holder.partition(",")[0]
        print(f"held after {before}" if before else "held", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(sys.argv[1])
