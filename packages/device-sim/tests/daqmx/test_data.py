"""The data files of NI-DAQmx name existing calls, properties and values only."""

from __future__ import annotations

from collections.abc import Iterator

from every_driver import DRIVERS

DAQMX = DRIVERS["nidaqmx"]


def named() -> Iterator[tuple[str, str, object]]:
    """Yield the group, the name and the value of each property in calls.toml."""
    tables = DAQMX.folder.read("calls.toml")
    for row in tables["create"].values():
        yield from (("Channel", name, None) for name in row.get("fields", {}).values())
        yield from (("Channel", name, value) for name, value in row.get("values", {}).items())
    for row in tables["configures"].values():
        for group, facts in row.items():
            yield from ((group, name, None) for name in facts.get("fields", {}).values())
            yield from ((group, name, value) for name, value in facts.get("values", {}).items())


def test_each_property_of_a_call_exists_and_can_have_its_value():
    for group, name, value in named():
        attribute = DAQMX.table.named(group, name)
        if value is not None:
            assert attribute.check(attribute.parse(value)) == attribute.parse(value)


def test_each_field_of_a_call_exists():
    tables = DAQMX.folder.read("calls.toml")
    for rpc, row in tables["create"].items():
        fields = DAQMX.descriptor.methods_by_name[rpc].input_type.fields_by_name
        assert {*row.get("fields", {}), *filter(None, [row.get("physical")])} <= set(fields), rpc
    for rpc, groups in tables["configures"].items():
        fields = DAQMX.descriptor.methods_by_name[rpc].input_type.fields_by_name
        for facts in groups.values():
            assert set(facts.get("fields", {})) <= set(fields), rpc
