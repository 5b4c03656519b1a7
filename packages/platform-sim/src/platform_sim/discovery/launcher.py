"""Becomes another program that the kernel kills when the platform dies (Linux).

Run as a script by the platform: `python launcher.py PLATFORM_PID PROGRAM ARGUMENT...`. The
parent-death signal survives exec, and setting it here instead of in a fork of the platform keeps
that fork safe beside gRPC's threads.
"""

from __future__ import annotations

import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def main() -> None:
    """Sets the signal, then runs the program in place of this one."""
    import ctypes

    platform_pid, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != platform_pid:  # it died before the signal was set
        sys.exit(1)
    try:
        os.execvp(program[0], program)  # noqa: S606
    except OSError as error:
        sys.exit(f"{program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
