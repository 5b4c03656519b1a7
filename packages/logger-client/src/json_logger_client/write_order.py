"""Numbers the records of one client: what makes sending them again harmless."""

from __future__ import annotations

import itertools
import weakref

from json_logger_proto.names import LANE_BITS
from session_sharing.client import Connection


class WriteOrder:
    """Gives out the lanes of one connection: to servers it is one client, whatever it logs to."""

    def __init__(self) -> None:
        self._lanes = itertools.count()

    def take_lane(self) -> int:
        """Return the number before the first one of a lane that nobody else has."""
        return next(self._lanes) << LANE_BITS


class Lane:
    """Numbers for records that are sent one after the other.

    A number is never used for two records, also when the first was refused: so a late copy of it
    can never take the place of another. Not thread-safe.
    """

    def __init__(self, order: WriteOrder) -> None:
        self._order = order
        self._last = order.take_lane()

    def take(self, count: int = 1) -> int:
        """Return the first of `count` numbers that nobody else has."""
        if (self._last + count) >> LANE_BITS != self._last >> LANE_BITS:
            self._last = self._order.take_lane()
        first = self._last + 1
        self._last += count
        return first


_orders: weakref.WeakKeyDictionary[Connection, WriteOrder] = weakref.WeakKeyDictionary()


def order_of(connection: Connection) -> WriteOrder:
    """Return what gives out the lanes of a connection; its sessions share it."""
    return _orders.setdefault(connection, WriteOrder())
