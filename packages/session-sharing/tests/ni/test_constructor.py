"""A session constructor accepts the arguments of the measurement plug-in SDK."""

from __future__ import annotations

import pytest
from ni.measurementlink.sessionmanagement.v1.client import SessionInitializationBehavior
from session_sharing import InitializationBehavior
from session_sharing.ni import SessionConstructor


@pytest.mark.parametrize("behavior", SessionInitializationBehavior)
def test_a_constructor_takes_every_behavior_of_the_sdk(
    behavior: SessionInitializationBehavior,
) -> None:
    constructor = SessionConstructor[object](behavior)

    assert constructor.behavior is InitializationBehavior[behavior.name]
