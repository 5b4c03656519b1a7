"""Reserving grants sessions, and records their channels in the same step."""

from __future__ import annotations

import asyncio
import time

import pytest
from pin_map_xml import connection, dmm, pin_map_xml
from platform_sim.errors import InvalidRequestError, NotAvailableError
from platform_sim.pin_map.store import PinMapStore
from platform_sim.session_management.open_sessions import OpenSession
from platform_sim.session_management.reservations import WAIT_FOREVER_MS, Reserver
from platform_sim.session_management.sessions import SessionManagement

XML = pin_map_xml(
    instruments=[dmm("DMM")], pins=["Out"], connections=[connection("Out", 0, "DMM", 0)]
)
NAME = "niDMM-DMM"
PATIENT = Reserver({"who": "patient"}, WAIT_FOREVER_MS)
HASTY = Reserver({}, 0)


@pytest.fixture
def management():
    pin_maps = PinMapStore()
    pin_maps.update("map", XML)
    return SessionManagement(pin_maps, time.time)


def reserve(management, reserver):
    return management.reserve("map", [], ["Out"], "", reserver)


def test_a_grant_is_recorded_with_its_channels_before_its_caller_is_reported(management):
    async def act():
        await reserve(management, HASTY)
        waiting = asyncio.ensure_future(reserve(management, PATIENT))
        await asyncio.sleep(0)
        management.reservations.release([NAME])
        # The caller has not continued yet.
        assert not waiting.done()
        (status,) = management.status()
        assert status.annotations == {"who": "patient"}
        assert [row.leaf for row in status.layout.rows] == ["Out"]
        await waiting

    asyncio.run(act())


def test_what_was_granted_has_its_channels_although_it_was_freed_at_once(management):
    async def act():
        await reserve(management, HASTY)
        waiting = asyncio.ensure_future(reserve(management, PATIENT))
        await asyncio.sleep(0)
        management.reservations.release([NAME])
        management.reservations.release([NAME])
        (session,) = (await waiting).sessions
        assert session.reservation is None
        assert (session.resource_name, session.type_id) == ("DMM", "niDMM")
        assert session.layout.channel_list == "0"

    asyncio.run(act())


def test_a_reservation_of_all_open_sessions_is_for_no_channels(management):
    async def act():
        await reserve(management, HASTY)
        management.instruments.register([OpenSession(NAME, "DMM", "niDMM")])
        management.reservations.release([NAME])
        (session,) = await management.reserve_registered("", HASTY)
        assert session.layout is None
        (status,) = management.status("niDMM")
        assert (status.layout, status.type_id) == (None, "niDMM")
        assert management.status("niScope") == []

    asyncio.run(act())


def test_a_refused_reservation_records_nothing(management):
    async def act():
        await reserve(management, PATIENT)
        with pytest.raises(NotAvailableError, match="Other callers hold these sessions"):
            await reserve(management, HASTY)
        (status,) = management.status()
        assert status.annotations == {"who": "patient"}

    asyncio.run(act())


def test_a_timeout_below_minus_one_is_refused():
    with pytest.raises(InvalidRequestError, match="-2 ms must be -1"):
        Reserver({}, -2)
