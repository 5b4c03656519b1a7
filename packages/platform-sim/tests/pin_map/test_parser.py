"""Reading the XML of pin maps."""

from __future__ import annotations

import pytest
from pin_map_xml import connection, dmm, every_kind, pin_map_xml
from platform_sim.errors import PinMapSyntaxError
from platform_sim.pin_map.model import SYSTEM_SITE
from platform_sim.pin_map.parser import parse_pin_map


def test_every_element_of_the_schema_is_read():
    pin_map = parse_pin_map(every_kind())
    assert [one.type_id for one in pin_map.instruments] == [
        "niDCPower",
        "niDCPower",
        "niDMM",
        "niScope",
        "niDigitalPattern",
        "niFGen",
        "niDAQmx",
        "niRelayDriver",
        "JsonLoggerService",
    ]
    assert [one.type_id for one in pin_map.multiplexers] == ["Matrix"]
    assert pin_map.leaves_of_group["Everything"] == ("Vcc", "Vdd", "Out", "Supply")
    assert {one.sites for one in pin_map.connections if one.leaf == "Main"} == {(SYSTEM_SITE,)}


def test_comments_unknown_elements_and_other_schema_versions_do_no_harm():
    xml = every_kind().replace(
        "</Instruments>", "<!-- bench 3 --><FutureInstrument name='F'/></Instruments>"
    )
    for version in ("1.1", "9.9"):
        changed = parse_pin_map(xml.replace('schemaVersion="1.6"', f'schemaVersion="{version}"'))
        assert changed.schema_version == version
        assert len(changed.instruments) == 9


def test_groups_that_meet_again_and_again_are_resolved_in_no_time():
    levels = 60
    groups = "".join(
        f'<PinGroup name="G{n}">' + f'<PinReference pin="{inner}"/>' * 2 + "</PinGroup>"
        for n, inner in enumerate(["P", *(f"G{n}" for n in range(levels))])
    )
    xml = f'<PinMap><Pins><DUTPin name="P"/></Pins><PinGroups>{groups}</PinGroups></PinMap>'
    assert parse_pin_map(xml).leaves_of_group[f"G{levels}"] == ("P",)


def test_a_multiplexer_type_may_be_empty():
    pin_map = parse_pin_map(every_kind().replace('multiplexerTypeId="Matrix"', ""))
    assert pin_map.multiplexers[0].type_id == ""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('siteNumber="0" instrument', 'siteNumber="a" instrument', "siteNumber 'a'"),
        ('name="DMM1"', "", "NIDmmInstrument needs the attribute name"),
        ('siteNumber="0" instrument', 'siteNumber="," instrument', "siteNumber '' is not a number"),
        ('siteNumber="0"', f'siteNumber="{"9" * 5000}"', "is more than 2147483647"),
        ('name="DMM1"', 'name="DMM1" numberOfChannels="10001"', "'10001' is more than 10000"),
        ("</Pins>", "", "not well-formed"),
        ("<PinMap ", "<Map ", "not well-formed"),
    ],
)
def test_errors_name_the_line(old, new, message):
    xml = pin_map_xml(
        instruments=[dmm("DMM1")], pins=["P"], connections=[connection("P", 0, "DMM1", 0)]
    )
    with pytest.raises(PinMapSyntaxError, match=message) as raised:
        parse_pin_map(xml.replace(old, new))
    assert raised.value.line > 0


def test_entities_are_not_resolved(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    xml = (
        f'<!DOCTYPE PinMap [<!ENTITY leak SYSTEM "{secret.as_uri()}">]>'
        "<PinMap><Pins><DUTPin name='P'>&leak;</DUTPin>&leak;</Pins></PinMap>"
    )
    assert "SECRET" not in repr(parse_pin_map(xml))


def test_growing_entities_are_not_expanded():
    layers = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * 50}">' for number in range(1, 12))
    xml = f'<!DOCTYPE PinMap [<!ENTITY e0 "x">{layers}]><PinMap><Pins>&e11;</Pins></PinMap>'
    with pytest.raises(PinMapSyntaxError, match="amplification"):
        parse_pin_map(xml)
