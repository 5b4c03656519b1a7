"""Serve pin maps and sites, and tell which pin and site each result belongs to."""

from __future__ import annotations

from typing import Any

from device_sim.base.wire import Fields, channel_name, check_enums
from device_sim.call import Call
from device_sim.drivers.nidigital.files import kinds
from device_sim.drivers.nidigital.files.pin_map import read_pin_map
from device_sim.drivers.nidigital.pins import PinMap, Place, key
from device_sim.drivers.nidigital.requests import read
from device_sim.drivers.nidigital.session import DigitalSession
from device_sim.errors import INVALID_VALUE, DriverError


class PinCalls:
    """Serve the calls about pins, sites and channels."""

    def load_pin_map(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Load a pin map."""
        content = read(session, request.file_path, kinds.PIN_MAP)
        session.load_pin_map(read_pin_map(content, session.channels))

    def create_pin_map(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Make a pin map without a file: its pins."""
        names = [*_names(request.dut_pin_list), *_names(request.system_pin_list)]
        session.load_pin_map(PinMap(tuple({key(name): name for name in names}.values())))

    def create_pin_group(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Add a group to the pin map."""
        members = _names(request.pin_list)
        session.pin_map = session.require_pin_map().with_group(request.pin_group_name, members)

    def create_channel_map(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Set the number of sites of the pin map."""
        session.pin_map = session.require_pin_map().with_sites(request.num_sites)

    def map_pin_to_channel(self, session: DigitalSession, request: Any, call: Call) -> None:
        """Connect a pin on a site; -1 is the site of a system pin."""
        (channel, *others) = session.channels.select(request.channel)
        if others or not request.channel.strip():
            raise DriverError(INVALID_VALUE, f"Channel: {request.channel}")
        pin_map, place = session.require_pin_map(), Place(channel, request.pin, request.site)
        session.pin_map = pin_map.with_place(place)

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


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
