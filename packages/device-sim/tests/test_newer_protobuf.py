"""The installed drivers behave with protobuf 7 as docs/instruments.md says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import google.protobuf
import nidcpower
import pytest

PAGE = Path(__file__).parents[3] / "docs" / "instruments.md"
IS_STRICT = int(google.protobuf.__version__.partition(".")[0]) >= 7

PARAGRAPH = PAGE.read_text(encoding="utf-8").partition("With protobuf 7")[2].partition("\n\n")[0]
NAMED = set(re.findall(r"`([a-z]\w+)`", PARAGRAPH))


def test_the_page_names_the_properties_that_are_flags_for_python_and_numbers_on_the_wire():
    source = inspect.getsource(nidcpower.session)
    declared = r"    (\w+) = _attributes\.AttributeViInt32\(\d+\)\n    '''Type: bool"
    assert set(re.findall(declared, source)) == NAMED


def test_a_number_is_taken_by_every_protobuf(open_dcpower):
    smu = open_dcpower("SMU1/0", model="4139")
    smu.voltage_level_autorange = 1
    assert smu.voltage_level_autorange


@pytest.mark.skipif(not IS_STRICT, reason="protobuf before 7 takes True for a number")
def test_true_is_refused_by_protobuf_7_before_the_call(open_dcpower):
    smu = open_dcpower("SMU1/0", model="4139")
    with pytest.raises(TypeError, match="boolean"):
        smu.voltage_level_autorange = True
