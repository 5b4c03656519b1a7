"""Hold a hardware lock, and find the server that has it."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace

from session_sharing.client import (
    Connection,
    ConnectOptions,
    ServerDrainingError,
    ServerUnavailableError,
    SessionOptions,
    SharedSession,
    attach_or_start,
)
from session_sharing.client.options import default_label
from session_sharing.finding import ServerNames, find_server
from session_sharing.locks.names import CRASHED, KIND, PROGRAM
from session_sharing.places import default_state_file

LOCK_SERVER = ServerNames(
    what="lock server",
    program=PROGRAM,
    target_variable="SESSION_LOCKS_TARGET",
    token_file_variable="SESSION_LOCKS_TOKEN_FILE",  # noqa: S106 - the name of a variable
    discovery_interface="session_sharing.locks",
    discovery_class="session_sharing.Locks",
    ni_extra="session-sharing[ni]",
)
_AUTHORITY_VARIABLE = "SESSION_LOCKS_TLS_CA"
_IDLE_SECONDS = 60
"""A server that was started by a lock ends when no program has used it for so long."""
_START_SECONDS = 20.0


class HardwareLock(SharedSession):
    """A lock that one program at a time holds. It is free within 2 s when its holder dies.

    Use it in a `with` statement; the name stands for the hardware::

        with HardwareLock("scope-1", timeout=30):
            ...

    Programs get it in the order in which they asked for it.
    """

    kind = KIND

    def __init__(
        self,
        name: str,
        timeout: float = 60.0,
        *,
        connection: Connection | ConnectOptions | None = None,
        label: str = "",
    ) -> None:
        """Take the lock, as soon as all who came before have left it.

        Args:
            name: Name of the lock; all programs that use the hardware must agree on it.
            timeout: Seconds to wait for the lock; 0 to fail at once when it is held.
            connection: Where the lock server is, or a connection to it. By default
                `find_lock_server` says it.
            label: Name of the holder for people; by default its program, process id and host.

        Raises:
            SessionAlreadyOpenError: The lock was held for all of that time. The message says who
                holds it, and who has waited for longer.
            SessionSharingError: The lock server cannot be reached.
        """
        options = SessionOptions(wait=timeout, label=label or default_label())
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                super().__init__(name, connection or find_lock_server(), options)
                return
            except (ServerDrainingError, ServerUnavailableError):
                # An idle server may have stopped just now; the next one starts by itself.
                if connection is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @property
    def crashed_holder(self) -> str:
        """Who held the lock before and died, and when; empty when the last holder released it."""
        return self.details.get(CRASHED, "")


def find_lock_server() -> ConnectOptions:
    """Return where the lock server is; start one for the programs of this user on this host.

    The environment variable SESSION_LOCKS_TARGET names the server of several hosts, as HOST:PORT.
    Then SESSION_LOCKS_TOKEN_FILE names the file with its token, and SESSION_LOCKS_TLS_CA the
    certificate of the authority that signed the server's.

    Raises:
        ServerUnavailableError: There is no server, and none can be started.
        NotPermittedError: Other users can change the state file or the token file.
    """
    if target := os.environ.get(LOCK_SERVER.target_variable):
        authority = os.environ.get(_AUTHORITY_VARIABLE)
        known = ConnectOptions(target, root_certificates=authority or None)
        return find_server(LOCK_SERVER, known)
    command = [
        sys.executable,
        "-m",
        "session_sharing",
        "locks",
        f"--stop-when-idle={_IDLE_SECONDS}",
    ]
    return attach_or_start(command, default_state_file(PROGRAM), _START_SECONDS)


def connect_to_locks(label: str = "") -> Connection:
    """Return a connection to the lock server, for a program that takes many locks.

    Raises:
        SessionSharingError: As `find_lock_server`.
    """
    return Connection(replace(find_lock_server(), label=label))
