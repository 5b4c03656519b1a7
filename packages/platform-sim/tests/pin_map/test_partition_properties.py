"""Rules that hold for every partition of every pin map."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st
from pin_map_strategies import pin_maps
from pin_map_xml import to_xml
from platform_sim.pin_map.model import SYSTEM_SITE
from platform_sim.pin_map.parser import parse_pin_map
from platform_sim.pin_map.partition import SessionPartition
from platform_sim.pin_map.queries import expand_names
from platform_sim.pin_map.validator import Severity, find_faults


@st.composite
def requests(draw):
    """A pin map with names, sites and a type to ask for."""
    pin_map = draw(pin_maps())
    names = [*pin_map.leaf_by_name, *pin_map.group_by_name]
    asked = draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    sites = draw(st.lists(st.sampled_from(pin_map.sites), unique=True, min_size=1))
    types = sorted({one.type_id for one in pin_map.instruments})
    return pin_map, asked, sites, draw(st.sampled_from(["", *types]))


def select(request):
    pin_map, names, sites, type_id = request
    leaves, groups = expand_names(pin_map, names)
    return leaves, groups, SessionPartition(pin_map).select(leaves, sites, type_id)


@settings(deadline=None)  # a busy machine is slow
@given(pin_maps())
def test_generated_pin_maps_are_what_the_validator_accepts(pin_map):
    assert [one for one in find_faults(pin_map) if one.severity is Severity.ERROR] == []


def without_lines(parts):
    return {dataclasses.replace(part, line=0) for part in parts}


@settings(deadline=None)  # a busy machine is slow
@given(pin_maps())
def test_a_pin_map_written_as_xml_is_read_back(pin_map):
    read = parse_pin_map(to_xml(pin_map))
    assert [one.name for one in read.instruments] == [one.name for one in pin_map.instruments]
    assert without_lines(read.pins) == set(pin_map.pins)
    assert without_lines(read.pin_groups) == set(pin_map.pin_groups)
    assert without_lines(read.connections) == set(pin_map.connections)
    assert read.sites == pin_map.sites


@settings(deadline=None)  # a busy machine is slow
@given(requests())
def test_a_pin_on_a_site_appears_once_for_an_instrument_type(request):
    _, _, layouts = select(request)
    keys = [(row.leaf, row.site, one.type_id) for one in layouts for row in one.rows]
    assert len(keys) == len(set(keys))


@settings(deadline=None)  # a busy machine is slow
@given(requests())
def test_the_channel_list_is_exactly_the_channels_of_the_mappings_in_order(request):
    for layout in select(request)[2]:
        channels = list(dict.fromkeys(row.channel for row in layout.rows))
        assert layout.channel_list == ", ".join(channels)


@settings(deadline=None)  # a busy machine is slow
@given(requests())
def test_the_answer_is_exactly_the_connections_asked_for(request):
    pin_map, _, sites, type_id = request
    leaves, _, layouts = select(request)
    wanted = {
        (one.leaf, site)
        for one in pin_map.connections
        for site in one.sites
        if one.leaf in leaves
        and (site in sites or site == SYSTEM_SITE)
        and type_id in ("", pin_map.instrument_by_name[one.instrument].type_id)
    }
    assert {(row.leaf, row.site) for one in layouts for row in one.rows} == wanted


@settings(deadline=None)  # a busy machine is slow
@given(requests())
def test_groups_resolve_to_pins_and_relays_each_once(request):
    pin_map, names, _, _ = request
    leaves, groups, _ = select(request)
    assert set(groups) == {name for name in names if name in pin_map.group_by_name}
    for members in groups.values():
        assert len(members) == len(set(members))
        assert set(members) <= set(leaves) <= pin_map.leaf_by_name.keys()


@settings(deadline=None)  # a busy machine is slow
@given(requests())
def test_resource_names_do_not_depend_on_what_is_asked(request):
    pin_map, _, _, type_id = request
    everything, _ = expand_names(pin_map, [])
    whole = SessionPartition(pin_map).select(everything, pin_map.sites, type_id)
    names = [one.session_name for one in whole]
    part = [one.session_name for one in select(request)[2]]
    assert len(names) == len(set(names))
    assert part == [name for name in names if name in part]


@settings(deadline=None)  # a busy machine is slow
@given(requests())
def test_a_channel_belongs_to_one_session(request):
    pin_map = request[0]
    everything, _ = expand_names(pin_map, [])
    layouts = SessionPartition(pin_map).select(everything, pin_map.sites)
    rows = [(one.session_name, row.leaf, row.site) for one in layouts for row in one.rows]
    assert len(rows) == sum(len(one.sites) for one in pin_map.connections)
