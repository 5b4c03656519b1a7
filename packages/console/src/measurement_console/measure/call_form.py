"""The form of one measurement: what it shows, and the call that it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from measurement_console.measure.call_lines import MeasureCall
from measurement_console.measure.forms import (
    FormField,
    FormReading,
    Submitted,
    make_fields,
    read_form,
)
from measurement_console.measure.plugins import PluginFacts
from measurement_console.sources.platform import Service


@dataclass(frozen=True)
class CallForm:
    """A form, new or submitted."""

    service: Service
    """The plug-in, which runs."""
    plugin: PluginFacts
    """Its metadata, and the pins of the chosen pin map."""
    pin_maps: Sequence[str]
    """Paths of the pin maps that can be chosen."""
    submitted: Submitted = field(default_factory=dict)
    """The submitted texts; empty for a new form."""

    @cached_property
    def reading(self) -> FormReading:
        """The values of the submitted texts, and their errors."""
        return read_form(self.plugin.metadata.parameters, self.submitted)

    @property
    def errors(self) -> Mapping[str, str]:
        """What is wrong, by the key of the field."""
        return self.reading.errors

    @property
    def fields(self) -> list[FormField]:
        """The fields of the parameters."""
        parameters, pin_map = self.plugin.metadata.parameters, self.plugin.pin_map
        return make_fields(parameters, pin_map, self.submitted, self.errors)

    @property
    def chosen_sites(self) -> tuple[int, ...]:
        """The chosen sites.

        At first these are all sites, or the first one for outputs that describe one site. So are
        they when the user has chosen another pin map.
        """
        sites = self.plugin.pin_map.sites
        if last_of(self.submitted, "shown_pin_map") != self.plugin.pin_map.pin_map_id:
            return sites[:1] if self.plugin.measures_one_site else sites
        return tuple(site for site in sites if str(site) in self.submitted.get("site", ()))

    @property
    def call(self) -> MeasureCall:
        """The call with the values that differ from their defaults."""
        defaults = {one.name: one.default for one in self.plugin.metadata.parameters}
        values = {
            name: value for name, value in self.reading.values.items() if value != defaults[name]
        }
        sites = self.chosen_sites
        is_all = not sites or sites == self.plugin.pin_map.sites
        pin_map = self.plugin.pin_map.pin_map_id
        return MeasureCall(self.service.service_class, values, pin_map, None if is_all else sites)


def last_of(submitted: Submitted, name: str) -> str:
    """Return the last text with a name, "" if there is none."""
    return submitted.get(name, [""])[-1]
