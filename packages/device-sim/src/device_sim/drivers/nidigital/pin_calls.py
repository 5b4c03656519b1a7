"""Serve pin maps and sites, and tell which pin and site each result belongs to."""

from __future__ import annotations

from typing import Any

from device_sim.base.wire import Fields, channel_name, check_enums
from device_sim.call import Call
from device_sim.drivers.nidigital.files import kinds
from device_sim.drivers.nidigital.files.pin_map import read_pin_map
from device_sim.drivers.nidigital.requests import read
from device_sim.drivers.nidigital.session import DigitalSession
from device_sim.errors import INVALID_VALUE, DriverError


class PinCalls:
    """Serve the calls about pins, sites and channels."""

    def load_pin_map(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Load a pin map."""
        content = read(session, request.file_path, kinds.PIN_MAP)
        session.load_pin_map(read_pin_map(content, session.channels))

    def enable_sites(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Enable sites."""
        session.disabled.difference_update(session.pins.select_sites(request.site_list))

    def disable_sites(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Disable sites."""
        session.disabled.update(session.pins.select_sites(request.site_list))

    def is_site_enabled(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return whether all of some sites are enabled."""
        sites = session.pins.select_sites(request.site)
        return {"enable": session.disabled.isdisjoint(sites)}

    def get_pin_name(self, session: DigitalSession, request: Any, call: Call) -> Fields:
        """Return the name of a pin, counted from 0."""
        pins = session.pins.pins
        if not 0 <= request.pin_index < len(pins):
            raise DriverError(INVALID_VALUE, f"Pin index: {request.pin_index}")
        return {"name": pins[request.pin_index]}

    def get_channel_name_from_string(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return the names of channels, counted from 0."""
        return {"channel_name": ",".join(session.channels.numbered(request.indices))}

    def get_pin_results_pin_information(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return pin, site and channel of each result of a list of channels."""
        places = session.enabled_places(channel_name(request))
        numbers = {pin: number for number, pin in enumerate(session.pins.pins)}
        return {
            "pin_indexes": [numbers.get(place.pin, -1) for place in places],
            "site_numbers": [place.site for place in places],
            "channel_indexes": [place.channel + 1 for place in places],
            "actual_num_values": len(places),
        }

    def get_site_results_site_numbers(
        self, session: DigitalSession, request: Any, call: Call
    ) -> Fields:
        """Return the sites that have results."""
        check_enums(request)
        sites = session.results_of(session.pins.select_sites(request.site_list))
        return {"site_numbers": sites, "actual_num_site_numbers": len(sites)}

    def reset_attribute(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Set an attribute to its default."""
        attribute = session.table.get(request.attribute_id)
        session.table.writable(attribute.id, attribute.kind)
        session.reset_attribute(attribute, channel_name(request))
