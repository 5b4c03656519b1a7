"""Pin maps and sheets that are damaged or hostile are refused, or they are others; never more."""

from __future__ import annotations

import pytest
from device_sim.base.channels import ChannelId, ChannelList
from device_sim.drivers.nidigital.files.pin_map import read_pin_map
from device_sim.drivers.nidigital.files.sheets import read_specifications
from device_sim.drivers.nidigital.loaded_sheets import LoadedSheets
from device_sim.errors import DriverError
from digital_files import NON_RETURN, levels, pin_map, specifications, timing
from hypothesis import given, settings
from hypothesis import strategies as st

CHANNELS = ChannelList([ChannelId("DIG1", str(number)) for number in range(4)], qualified=False)


def read_map(content: bytes) -> None:
    found = read_pin_map(content, CHANNELS)
    for name in (*found.pins, *found.groups):
        found.expand(name)


def load_levels(content: bytes) -> None:
    LoadedSheets().load_levels("l", content)


def load_timing(content: bytes) -> None:
    LoadedSheets().load_timing("t", content)


PIECES = [b"", b"0", b"<", b">", b"-", b"\xff", b"\xc2\xb5"]
EDGES = NON_RETURN.format(off="1 µs", strobe="0.5 * 1 µs")
FILES = [
    (read_map, pin_map({"A site 0": "DIG1/0", "S": "DIG1/1"}, {"G": ["A"]}, system=["S"])),
    (read_specifications, specifications({"AC.Period": "1 µs"})),
    (load_levels, levels({"A": {"Vil": "0.5 V", "TerminationMode": "HighZ"}})),
    (load_timing, timing({"t0": ("1 µs", {"A": EDGES})})),
]


@settings(deadline=None, max_examples=200)
@given(file=st.sampled_from(FILES), data=st.data())
def test_a_damaged_file_is_refused_or_is_another(file, data):
    read, text = file
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(content) - 1))
        end = begin + data.draw(st.integers(0, 10))
        content[begin:end] = data.draw(st.sampled_from(PIECES))
    try:
        read(bytes(content))
    except DriverError as error:
        assert error.description


@pytest.mark.parametrize("place", ["0.5 V", "1 µs", 'pin="A"', 'name="A"', 'name="AC"'])
@pytest.mark.parametrize(("read", "text"), FILES, ids=lambda value: getattr(value, "__name__", ""))
def test_entities_are_not_resolved(read, text, place, tmp_path):
    """Neither may a file name another one, nor may it grow while it is read."""
    secret = tmp_path / "file"
    secret.write_text("12345")
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<!DOCTYPE x [<!ENTITY f SYSTEM "{secret.as_uri()}"><!ENTITY e0 "0">{bomb}]>'
    hostile = place.replace("A", "&e11;") if "=" in place else "&f;&e11;"
    try:
        read(f"{head}{text.replace(place, hostile)}".encode())
    except DriverError as error:
        assert "12345" not in error.description
        assert len(error.description) < 1000
