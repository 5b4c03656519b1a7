"""Numbers the records of one client: what makes sending them again harmless."""

from __future__ import annotations

import threading
import weakref

from session_sharing.client import Connection


class WriteOrder:
    """Counts the records that go through one connection, whatever log they go to.

    A number is never used for two records, also when the first was refused: so a late copy of it
    can never take the place of another.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 1

    def take(self, count: int = 1) -> int:
        """Give the first of `count` numbers that are nobody else's."""
        with self._lock:
            first = self._next
            self._next += count
            return first


_orders: weakref.WeakKeyDictionary[Connection, WriteOrder] = weakref.WeakKeyDictionary()


def order_of(connection: Connection) -> WriteOrder:
    """Give the count that all sessions on a connection share, as to servers they are one client."""
    return _orders.setdefault(connection, WriteOrder())
