"""Locks for hardware that one program at a time may use, over processes and hosts.

`HardwareLock` is all that programs need; a server for this host starts by itself. The command
`session-sharing locks` serves the locks of several hosts. The pytest marker `shared` uses the same
locks.
"""

from session_sharing.locks.client import HardwareLock, find_lock_server

__all__ = ["HardwareLock", "find_lock_server"]
