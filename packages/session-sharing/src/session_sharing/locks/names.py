"""Define the names that the client and the server of locks share."""

KIND = "hardware-lock"
"""Resource kind of the locks."""
PROGRAM = "session-locks"
"""Name of the server's state file."""
CRASHED = "crashed_holder"
"""The fact about a lock: who held it before and died."""
