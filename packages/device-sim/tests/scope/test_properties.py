"""Every property of niscope.Session is read and written through the real class."""

from __future__ import annotations

import niscope
import pytest
from device_sim.base.attributes import Scope
from every_driver import DRIVERS

READ_ONLY = -1074135027

ATTRIBUTES = {attribute.name: attribute for attribute in DRIVERS["niscope"].table}


def owner(session, attribute):
    return session.channels["1"] if attribute.scope is Scope.CHANNEL else session


@pytest.fixture
def session(open_scope):
    return open_scope()


def test_every_property_can_be_read_and_written_back(session):
    for name, attribute in ATTRIBUTES.items():
        value = getattr(owner(session, attribute), name)
        if not attribute.read_only:
            setattr(owner(session, attribute), name, value)
            assert getattr(owner(session, attribute), name) == value, name


def test_every_read_only_property_is_refused(session):
    for name, attribute in ATTRIBUTES.items():
        if attribute.read_only:
            with pytest.raises(niscope.errors.DriverError) as caught:
                setattr(owner(session, attribute), name, getattr(owner(session, attribute), name))
            assert caught.value.code == READ_ONLY, name


def test_a_channel_has_its_own_value(session):
    session.channels["0"].vertical_range = 1.0
    session.channels["1"].vertical_range = 5.0
    assert (session.channels["0"].vertical_range, session.channels["1"].vertical_range) == (1, 5)
    assert session.vertical_range == 1.0  # that of the first channel
