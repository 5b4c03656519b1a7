"""The site numbers of a pin map on the wire: NI's protocol has no call that lists them."""

from __future__ import annotations

from collections.abc import Iterable

from ni.measurementlink.pinmap.v1 import pin_map_service_pb2 as pb

from platform_sim.pin_map.model import SYSTEM_SITE

SITE_NUMBERS_KEY = "platform-sim-site-numbers"
"""Trailing metadata of GetPinMap, which this platform alone sends: numbers with commas between."""


def encode_sites(sites: Iterable[int]) -> str:
    """Return the text of the metadata."""
    return ",".join(str(site) for site in sites)


def decode_sites(text: str) -> list[int]:
    """Read the text of the metadata."""
    return [int(part) for part in text.split(",") if part]


def connected_sites(response: pb.QueryResourceAccessInformationResponse) -> list[int]:
    """Return the sites that have connections: all that NI's own service tells."""
    sites = {
        mapping.site
        for resource in response.resource_access_information
        for mapping in resource.channel_mappings
    }
    return sorted(sites - {SYSTEM_SITE})
