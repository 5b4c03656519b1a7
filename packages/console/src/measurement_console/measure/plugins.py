"""Ask a running plug-in and its platform what a form needs. All functions wait for answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from plugin_kit.calling import (
    MeasurementPlugin,
    Parameter,
    PlatformClient,
    PluginCallError,
    PluginMetadata,
)

from measurement_console.measure.forms import PinMapView, instrument_type_of, takes_pins

V1_INTERFACE = "ni.measurementlink.measurement.v1.MeasurementService"
V2_INTERFACE = "ni.measurementlink.measurement.v2.MeasurementService"

METADATA_SECONDS = 10.0
"""Longest time in which a plug-in must describe itself."""


@dataclass(frozen=True, slots=True)
class PluginFacts:
    """What a form needs to know about a plug-in."""

    metadata: PluginMetadata
    """Its parameters and outputs."""
    pin_map: PinMapView
    """The part of the pin map that the form needs."""
    problem: str = ""
    """Why the pin map cannot be used, "" if it can."""

    @property
    def measures_one_site(self) -> bool:
        """Whether the outputs describe one site, because none of them is an array."""
        return bool(self.metadata.outputs) and not any(
            one.is_repeated or one.message_type for one in self.metadata.outputs
        )


def is_measurement(interfaces: Iterable[str]) -> bool:
    """Return whether a service is a measurement plug-in."""
    return not {V1_INTERFACE, V2_INTERFACE}.isdisjoint(interfaces)


def read_plugin(
    address: str, interfaces: Iterable[str], discovery_address: str, pin_map: str
) -> PluginFacts:
    """Return the metadata of a running plug-in, and the pins that fit its parameters.

    Args:
        address: HOST:PORT of the plug-in.
        interfaces: Its interfaces.
        discovery_address: HOST:PORT of discovery.
        pin_map: Path of the pin map to load, "" for none.

    Raises:
        PluginCallError: The plug-in cannot be reached.
    """
    has_v2 = V2_INTERFACE in set(interfaces)
    with MeasurementPlugin(
        address, has_v2=has_v2, discovery_address=discovery_address, timeout=METADATA_SECONDS
    ) as plugin:
        metadata = plugin.metadata
    if not pin_map:
        return PluginFacts(metadata, PinMapView())
    try:
        with PlatformClient(discovery_address) as platform:
            return PluginFacts(metadata, _read_pin_map(platform, pin_map, metadata.parameters))
    except PluginCallError as error:
        return PluginFacts(metadata, PinMapView(), str(error))


def _read_pin_map(
    platform: PlatformClient, pin_map: str, parameters: Iterable[Parameter]
) -> PinMapView:
    pin_map_id = platform.load_pin_map(Path(pin_map))
    types = {instrument_type_of(one) for one in parameters if takes_pins(one)}
    pins = {one: platform.pins(pin_map_id, one) for one in types}
    return PinMapView(pin_map_id, tuple(platform.site_numbers(pin_map_id)), pins)
