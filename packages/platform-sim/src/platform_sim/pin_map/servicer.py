"""The gRPC service of pin maps: decode requests, call the core, encode answers."""

from __future__ import annotations

from typing import Any

import grpc.aio
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2 as pb
from ni.measurementlink.pinmap.v1 import pin_map_service_pb2_grpc
from plugin_kit.calling.extensions import SITE_NUMBERS_KEY, encode_sites

from platform_sim.errors import NotKnownError
from platform_sim.pin_map.model import PinMap
from platform_sim.pin_map.partition import SessionLayout
from platform_sim.pin_map.queries import (
    expand_names,
    query_pins,
    unknown_sites,
    unknown_sites_message,
)
from platform_sim.pin_map.store import PinMapStore

Context = grpc.aio.ServicerContext[Any, Any]


class PinMapServicer(pin_map_service_pb2_grpc.PinMapServiceServicer):
    """All RPCs of ni.measurementlink.pinmap.v1.PinMapService."""

    def __init__(self, store: PinMapStore) -> None:
        self._store = store

    async def CreatePinMapFromXml(  # noqa: N802
        self, request: pb.CreatePinMapFromXmlRequest, context: Context
    ) -> pb.PinMap:
        """Add a pin map."""
        self._store.create(request.pin_map_id, request.pin_map_xml)
        return pb.PinMap(pin_map_id=request.pin_map_id)

    async def UpdatePinMapFromXml(  # noqa: N802
        self, request: pb.UpdatePinMapFromXmlRequest, context: Context
    ) -> pb.PinMap:
        """Add or replace a pin map."""
        self._store.update(request.pin_map_id, request.pin_map_xml)
        return pb.PinMap(pin_map_id=request.pin_map_id)

    async def GetPinMap(  # noqa: N802
        self, request: pb.GetPinMapRequest, context: Context
    ) -> pb.PinMap:
        """Return whether a pin map is loaded. The trailing metadata has its site numbers."""
        pin_map = self._store.get(request.pin_map_id)
        context.set_trailing_metadata(((SITE_NUMBERS_KEY, encode_sites(pin_map.sites)),))
        return pb.PinMap(pin_map_id=request.pin_map_id)

    async def QueryPins(  # noqa: N802
        self, request: pb.QueryPinsRequest, context: Context
    ) -> pb.QueryPinsResponse:
        """List pins and pin groups."""
        pin_map = self._store.get(request.pin_map_id)
        pins, groups = query_pins(pin_map, request.instrument_type_id)
        return pb.QueryPinsResponse(
            pins=[
                pb.PinDefinition(display_name=pin.name, is_system_pin=pin.is_system) for pin in pins
            ],
            pin_groups=[
                pb.PinGroupDefinition(
                    display_name=group.name,
                    pin_or_group_references=group.references,
                    resolved_pins=pin_map.leaves_of_group[group.name],
                )
                for group in groups
            ],
        )

    async def QueryRelays(  # noqa: N802
        self, request: pb.QueryRelaysRequest, context: Context
    ) -> pb.QueryRelaysResponse:
        """List relays and relay groups."""
        pin_map = self._store.get(request.pin_map_id)
        return pb.QueryRelaysResponse(
            relays=[
                pb.RelayDefinition(display_name=relay.name, is_system_relay=relay.is_system)
                for relay in pin_map.relays
            ],
            relay_groups=[
                pb.RelayGroupDefinition(
                    display_name=group.name,
                    relay_or_group_references=group.references,
                    resolved_relays=pin_map.leaves_of_group[group.name],
                )
                for group in pin_map.relay_groups
            ],
        )

    async def QueryResourceAccessInformation(  # noqa: N802
        self, request: pb.QueryResourceAccessInformationRequest, context: Context
    ) -> pb.QueryResourceAccessInformationResponse:
        """List resources and channels for pins and relays."""
        pin_map = self._store.get(request.pin_map_id)
        unknown = unknown_sites(pin_map, request.sites)
        if unknown:
            raise NotKnownError(unknown_sites_message(unknown))
        leaves, groups = expand_names(pin_map, request.pin_or_relay_names)
        layouts = self._store.partition(request.pin_map_id).select(
            leaves, request.sites or pin_map.sites, request.instrument_type_id
        )
        return pb.QueryResourceAccessInformationResponse(
            resource_access_information=[_encode(pin_map, layout) for layout in layouts],
            group_mappings={
                name: pb.ResolvedPinsOrRelays(pin_or_relay_names=members)
                for name, members in groups.items()
            },
        )


def _encode(pin_map: PinMap, layout: SessionLayout) -> pb.ResourceAccessInformation:
    return pb.ResourceAccessInformation(
        resource_name=layout.resource_name,
        channel_list=layout.channel_list,
        instrument_type_id=layout.type_id,
        channel_mappings=[
            pb.ChannelMapping(
                pin_or_relay_name=row.leaf,
                site=row.site,
                channel=row.channel,
                multiplexer_resource_name=row.multiplexer,
                multiplexer_route=row.route,
                multiplexer_type_id=pin_map.multiplexer_by_name[row.multiplexer].type_id
                if row.multiplexer
                else "",
            )
            for row in layout.rows
        ],
    )
