"""Replace this process by another program, which the kernel kills if the platform dies (Linux).

The platform runs it as a script: `python launcher.py PLATFORM_PID PROGRAM ARGUMENT...`. The
parent-death signal survives exec. It is set here and not in a fork of the platform, because such a
fork is not safe beside gRPC's threads.
"""

from __future__ import annotations

import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def main() -> None:
    """Set the signal, then run the program in place of this one."""
    import ctypes

    platform_pid, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != platform_pid:  # the platform died before the signal was set
        sys.exit(1)
    try:
        os.execvp(program[0], program)  # noqa: S606
    except OSError as error:
        sys.exit(f"{program[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main()
