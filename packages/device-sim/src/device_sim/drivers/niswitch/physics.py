"""The calls of NI-SWITCH with a meaning: decode, call the session, encode."""

from __future__ import annotations

from typing import Any

from niswitch.enums import PathCapability, RelayAction, RelayPosition

from device_sim.base.driver import Physics
from device_sim.base.models import ModelCatalog
from device_sim.base.options import Options
from device_sim.base.wire import Fields, enum_value
from device_sim.call import Call
from device_sim.drivers.niswitch.layout import SwitchModel
from device_sim.drivers.niswitch.session import SwitchSession
from device_sim.errors import INVALID_VALUE, UNKNOWN_CHANNEL, DriverError

_CONFIGURED = "configured topology"  # NI's name for the one that was used last.


def _choose_topology(
    models: ModelCatalog[SwitchModel], request: Any, options: Options, wired: str | None
) -> SwitchModel:
    """Return the topology that a client asked for, else that of the bench file."""
    asked = getattr(request, "topology", "") or options.setup.get("topology", "")
    if asked.lower() in ("", _CONFIGURED):
        return models.choose(options, wired)
    return models.require(asked)


class SwitchCalls:
    """Serve NI-SWITCH sessions."""

    # Paths.

    def connect(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Connect two channels."""
        session.check_rest()
        session.connect([session.find(request.channel1, request.channel2)])

    def connect_multiple(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Connect several pairs of channels."""
        session.check_rest()
        session.connect(session.parse(request.connection_list))

    def set_path(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Connect a path as `get_path` returns it."""
        session.check_rest()
        session.connect(session.parse(request.path_list))

    def disconnect(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Disconnect two channels."""
        session.check_rest()
        session.disconnect([session.path(request.channel1, request.channel2)])

    def disconnect_multiple(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Disconnect several pairs of channels."""
        session.check_rest()
        session.disconnect(session.parse(request.disconnection_list))

    def disconnect_all(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Disconnect everything."""
        session.check_rest()
        session.disconnect_all()

    def get_path(self, session: SwitchSession, request: Any, call: Call) -> Fields:
        """Return the path between two channels."""
        return {"path": session.path(request.channel1, request.channel2).path}

    def can_connect(self, session: SwitchSession, request: Any, call: Call) -> Fields:
        """Return whether two channels can be connected."""
        contact = session.contact(request.channel1, request.channel2)
        if contact is None:
            found = PathCapability.PATH_UNSUPPORTED
        elif contact in session.paths:
            found = PathCapability.PATH_EXISTS
        elif session.is_in_use(contact):
            found = PathCapability.RESOURCE_IN_USE
        else:
            found = PathCapability.PATH_AVAILABLE
        return {"path_capability_raw": found.value}

    # Relays.

    def relay_control(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Close or open a relay, or the relays of a comma list."""
        session.check_rest()
        action = enum_value(request, "relay_action")
        if action not in [one.value for one in RelayAction]:
            raise DriverError(INVALID_VALUE, f"Relay action: {action}")
        relays = [session.relay(name) for name in request.relay_name.split(",")]
        session.operate(relays, close=action == RelayAction.CLOSE.value)

    def get_relay_position(self, session: SwitchSession, request: Any, call: Call) -> Fields:
        """Return whether a relay is closed."""
        is_closed = session.relay(request.relay_name) in session.closed
        position = RelayPosition.CLOSED if is_closed else RelayPosition.OPEN
        return {"relay_position_raw": position.value}

    def get_relay_name(self, session: SwitchSession, request: Any, call: Call) -> Fields:
        """Return the name of a relay, counted from 1."""
        if not 1 <= request.index <= len(session.model.relays):
            raise DriverError(UNKNOWN_CHANNEL, f"Index: {request.index}")
        return {"relay_name_buffer": session.model.relays[request.index - 1]}

    # Scans.

    def is_scanning(self, session: SwitchSession, request: Any, call: Call) -> Fields:
        """Return whether a scan is in progress."""
        return {"is_scanning": session.is_scanning}

    def send_software_trigger(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Send a trigger to a scan."""
        session.send_trigger()

    def wait_for_scan_complete(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Wait until the scan ends."""
        session.wait_for_scan(request.maximum_time_ms / 1000.0, call)

    # Time.

    def is_debounced(self, session: SwitchSession, request: Any, call: Call) -> Fields:
        """Return whether all relays have settled."""
        return {"is_debounced": session.is_debounced}

    def wait_for_debounce(self, session: SwitchSession, request: Any, call: Call) -> None:
        """Wait until all relays have settled."""
        session.wait_for_debounce(request.maximum_time_ms / 1000.0, call)


PHYSICS = Physics(SwitchSession, (SwitchCalls(),), SwitchModel, _choose_topology)
