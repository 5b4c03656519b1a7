"""Number the records of one client, so that the server recognises repeated records."""

from __future__ import annotations

import itertools
import weakref

from json_logger_proto.names import LANE_BITS
from session_sharing.client import Connection


class WriteOrder:
    """Gives out the lanes of one connection, which is one client to its server."""

    def __init__(self) -> None:
        self._lanes = itertools.count()

    def take_lane(self) -> int:
        """Return the number before the first number of a new lane."""
        return next(self._lanes) << LANE_BITS


class Lane:
    """Numbers for records that are sent one after the other. Not thread-safe.

    A number is never used for a second record, even if the first was refused. So a late copy of the
    first record cannot replace the second.
    """

    def __init__(self, order: WriteOrder) -> None:
        self._order = order
        self._last = order.take_lane()

    def take(self, count: int = 1) -> int:
        """Return the first of `count` new numbers."""
        if (self._last + count) >> LANE_BITS != self._last >> LANE_BITS:
            self._last = self._order.take_lane()
        first = self._last + 1
        self._last += count
        return first


_orders: weakref.WeakKeyDictionary[Connection, WriteOrder] = weakref.WeakKeyDictionary()


def order_of(connection: Connection) -> WriteOrder:
    """Return the object that gives out the lanes of a connection. All its sessions share it."""
    return _orders.setdefault(connection, WriteOrder())
