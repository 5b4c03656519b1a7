"""Replace this process by a program of PostgreSQL, which ends when the tests end.

The tests run it as a script: `launched_engine.py TESTS_PID UID PROGRAM ARGUMENT...`. PostgreSQL
refuses to run as root, so root names another user; everybody else names itself.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

tests_pid, uid, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
if os.getuid() != uid:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
if sys.platform == "linux":
    # PostgreSQL takes SIGQUIT as the order to end at once, with all its child processes.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
if os.getppid() != tests_pid:  # the tests ended before the signal was set
    sys.exit(1)
os.execv(program[0], program)
