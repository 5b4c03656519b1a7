"""Open sessions for pins, by an object that the plug-in SDK calls a session constructor."""

from __future__ import annotations

from typing import Generic, TypeVar

from ni.measurementlink.sessionmanagement.v1.client import (
    SessionInformation,
    SessionInitializationBehavior,
)

from session_sharing.core.behaviors import InitializationBehavior


def behavior_from_ni(behavior: SessionInitializationBehavior) -> InitializationBehavior:
    """Translate the SDK's behavior enum, whose integers equal ours."""
    return InitializationBehavior(int(behavior))


TSession = TypeVar("TSession")


class SessionConstructor(Generic[TSession]):
    """Opens the session of a pin map's custom instrument, for the SDK's `initialize_session(s)`.

    A subclass implements `open`. The resource's name is the name of the instrument in the pin map.
    Pass an instance of the subclass to `initialize_session`.
    """

    def __init__(
        self,
        initialization_behavior: SessionInitializationBehavior = SessionInitializationBehavior.AUTO,
    ) -> None:
        """Remember the behavior.

        Args:
            initialization_behavior: Whether to create or attach; AUTO suits most plug-ins. Pass
                another when the sequence opens or closes the session for its plug-ins.
        """
        self.behavior = behavior_from_ni(initialization_behavior)

    def open(self, resource: str, behavior: InitializationBehavior) -> TSession:
        """Open the session to a resource.

        Args:
            resource: The instrument's name in the pin map.
            behavior: Whether to create or attach; pass it on in `SessionOptions`.

        Returns:
            The session. The SDK leaves its `with` block at the end.
        """
        raise NotImplementedError

    def __call__(self, session_info: SessionInformation) -> TSession:
        """Open the session that a reservation names."""
        return self.open(session_info.resource_name, self.behavior)
