"""The pins, sites and channels of a session, as its pin map joins them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from device_sim.base.channels import tokens
from device_sim.errors import INVALID_VALUE, UNKNOWN_CHANNEL, DriverError

NO_SITE = -1
"""The site of a system pin, and of a channel without a pin."""

_SITES = re.compile(r"(?:site)?(\d+)(?:[-:](?:site)?(\d+))?", re.IGNORECASE)
_MOST_SITES = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, and the pin and site that it serves."""

    channel: int
    """Its index in the session."""

    pin: str = ""
    """The pin; empty for a channel without one."""

    site: int = NO_SITE
    """The site."""


def key(name: str) -> str:
    """Return a name as it is compared: without case and blanks."""
    return "".join(name.split()).lower()


@dataclass(frozen=True)
class PinMap:
    """A pin map. Without one, a session has channels only."""

    pins: tuple[str, ...] = ()
    """The pins: those of the device under test, then those of the system."""

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The pins of each group, by the group's key."""

    sites: tuple[int, ...] = ()
    """The numbers of the sites."""

    places: tuple[Place, ...] = ()
    """The connections."""

    @cached_property
    def _by_pin(self) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = {key(pin): [] for pin in self.pins}
        for place in sorted(self.places, key=lambda each: each.site):
            found[key(place.pin)].append(place)
        return found

    @cached_property
    def _by_channel(self) -> dict[int, Place]:
        return {place.channel: place for place in reversed(self.places)}

    # Building one without a file. Each method returns another pin map.

    def with_group(self, name: str, members: Iterable[str]) -> PinMap:
        """Add a group of pins and groups.

        Raises:
            DriverError: A member does not exist, or the name is empty or one of a pin.
        """
        pins = [(member, self.pins_of(member)) for member in members]
        unknown = [member for member, found in pins if found is None]
        if unknown or not key(name) or key(name) in self._by_pin:
            raise DriverError(UNKNOWN_CHANNEL, f"Pin group: {name}\nPin: {', '.join(unknown)}")
        listed = dict.fromkeys(pin for _, found in pins for pin in found or ())
        return replace(self, groups={**self.groups, key(name): tuple(listed)})

    def with_sites(self, count: int) -> PinMap:
        """Replace the sites by so many, without connections.

        Raises:
            DriverError: The number is not possible.
        """
        if not 0 < count <= _MOST_SITES:
            raise DriverError(INVALID_VALUE, f"Sites: {count}")
        return replace(self, sites=tuple(range(count)), places=())

    def with_place(self, place: Place) -> PinMap:
        """Connect a pin on a site.

        Raises:
            DriverError: The pin or the site does not exist, or the pin is connected there.
        """
        if key(place.pin) not in self._by_pin or place.site not in (*self.sites, NO_SITE):
            raise DriverError(UNKNOWN_CHANNEL, f"Pin: {place.pin}\nSite: {place.site}")
        if any(each.site == place.site for each in self._by_pin[key(place.pin)]):
            raise DriverError(INVALID_VALUE, f"{place.pin} on site {place.site} has a channel.")
        return replace(self, places=(*self.places, place))

    # Looking up.

    def of_channel(self, channel: int) -> Place:
        """Return the place of a channel."""
        return self._by_channel.get(channel, Place(channel))

    def channel_of(self, pin: str, site: int) -> int | None:
        """Return the channel of a pin on a site, None if it has none. System pins have one."""
        found = self._by_pin.get(key(pin), ())
        return next((each.channel for each in found if each.site in (site, NO_SITE)), None)

    def pins_of(self, name: str) -> tuple[str, ...] | None:
        """Return the pins that a name of a pin or group stands for, None if it is unknown."""
        if key(name) in self._by_pin:
            return (name,)
        return self.groups.get(key(name))

    def expand(self, token: str) -> list[Place] | None:
        """Return the places that `PinA`, `GroupB` or `site0/PinA` names, None if it names none.

        A pin without a site stands for that pin on all sites, in their order.
        """
        site, slash, name = token.rpartition("/")
        pins = self.pins_of(name)
        if pins is None or (slash and not _SITES.fullmatch(site)):
            return None
        places = [place for pin in pins for place in self._by_pin[key(pin)]]
        wanted = {*self.select_sites(site), NO_SITE} if slash else None
        return [place for place in places if wanted is None or place.site in wanted]

    def select_sites(self, text: str) -> list[int]:
        """Return the sites that a client names, `site0,site1`. An empty text names all.

        Raises:
            DriverError: A site does not exist.
        """
        named = [site for token in tokens(text) for site in _expand_sites(token)]
        unknown = set(named) - set(self.sites)
        if unknown:
            known = ", ".join(map(str, self.sites)) or "none; load a pin map"
            raise DriverError(UNKNOWN_CHANNEL, f"Site: {min(unknown)}\nSites: {known}")
        return list(dict.fromkeys(named)) or list(self.sites)


def _expand_sites(token: str) -> range:
    found = _SITES.fullmatch(token)
    if not found or any(len(number or "") > 9 for number in found.groups()):
        raise DriverError(UNKNOWN_CHANNEL, f"Site: {token}")
    first, last = int(found[1]), int(found[2] or found[1])
    if abs(last - first) > _MOST_SITES:
        raise DriverError(UNKNOWN_CHANNEL, f"Site: {token}")
    return range(first, last + 1) if last >= first else range(first, last - 1, -1)
