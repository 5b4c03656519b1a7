"""Conflicting values are refused at commit, and exported values can be imported."""

from __future__ import annotations

import pytest
from driver_refusals import INVALID_VALUE, refused


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("voltage_level", 7.0), ("current_limit", 0.2), ("current_limit", 0.0005)],
)
def test_values_that_conflict_with_their_range_are_refused_when_committed(smu, attribute, value):
    setattr(smu, attribute, value)
    refused(INVALID_VALUE, smu.commit)
    refused(INVALID_VALUE, smu.initiate)


def test_overranging_allows_five_percent(smu):
    smu.voltage_level = 6.2
    refused(INVALID_VALUE, smu.commit)
    smu.overranging_enabled = True
    smu.commit()


def test_ranges_follow_the_level_when_asked_to(smu):
    smu.voltage_level_autorange = 1
    smu.voltage_level = 15.0
    assert smu.voltage_level_range == 20.0
    smu.commit()


def test_exported_attributes_can_be_imported(smu, tmp_path):
    smu.voltage_level = 1.0
    buffer = smu.export_attribute_configuration_buffer()
    smu.voltage_level = 2.0
    smu.import_attribute_configuration_buffer(buffer)
    assert smu.voltage_level == 1.0


def test_only_own_exports_can_be_imported(smu, open_dcpower, tmp_path):
    other = open_dcpower("SMU2").export_attribute_configuration_buffer()
    for content in (b"", b"{}", b"[]", b"\xff", other):
        refused(-1074135037, lambda c=content: smu.import_attribute_configuration_buffer(c))
    missing = str(tmp_path / "missing")
    refused(-1074135037, lambda: smu.import_attribute_configuration_file(missing))
    folder = str(tmp_path)
    refused(-1074135036, lambda: smu.export_attribute_configuration_file(folder))
