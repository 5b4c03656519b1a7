"""Decide which users may call a server that has no tokens: its own user and root, or all users.

NI's clients send no token, so the system must say which user owns a connection. Root may call,
because root can act as any user anyway.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

from session_sharing.peer_user import PeerUsers

_ROOT = 0
_CREDENTIALS = struct.Struct("=iII")  # process, user and group: struct ucred of Linux


class SameUserRule:
    """Decides which calls a listener answers.

    On a system that cannot say who owns a connection, it answers all calls.

    Args:
        allows_other_users: Whether to answer all users.
    """

    def __init__(self, *, allows_other_users: bool = False) -> None:
        self._checks = not allows_other_users and PeerUsers.is_known()
        self._users: PeerUsers | None = None

    def listens_at(self, host: str, port: int) -> None:
        """Set the address of the listener; before that, all calls are refused."""
        self._users = PeerUsers(host, port)

    def refusal(self, peer: str) -> str | None:
        """Return the message of the refusal if a caller may not call, or None if it may.

        Args:
            peer: The caller's address as gRPC gives it.
        """
        if sys.platform == "win32" or not self._checks:
            return None
        user = self._users.user_of(peer) if self._users else None
        if user in (_ROOT, os.geteuid()):
            return None
        caller = "whose user is not known" if user is None else f"of user {user}"
        return (
            f"This server answers user {os.geteuid()} alone, and this is a call {caller}. To let "
            "all users of the machine call, start the server with --other-users, or with "
            "allows_other_users in its options."
        )

    def close(self) -> None:
        """Close the socket by which the system is asked."""
        if self._users is not None:
            self._users.close()


def is_of_same_user(connection: socket.socket) -> bool:
    """Return whether the other end of a unix socket belongs to this user, or to root.

    For the end that connected, the other end is the process that called `listen`. Only Linux can
    say it; elsewhere the answer is False.
    """
    if sys.platform != "linux":
        return False
    facts = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return _CREDENTIALS.unpack(facts)[1] in (_ROOT, os.geteuid())
