"""Channel lists as NI-DAQmx and NI's Python package write and read them."""

from __future__ import annotations

import pytest
from device_sim.drivers.nidaqmx.names import device_of, expand, flatten, name_channels
from device_sim.errors import DriverError
from hypothesis import given
from hypothesis import strategies as st
from nidaqmx.utils import flatten_channel_string, unflatten_channel_string

INVALID_RANGE = -200498
BASES = st.sampled_from(["Dev1/ai", "Dev1/port0/line", "cDAQ1Mod1/ai", "Ctr", "My Channel "])
NAMES = st.builds(lambda base, number: f"{base}{number}", BASES, st.integers(0, 40))
RANGES = st.builds(
    lambda base, first, last: f"{base}{first}:{last}",
    BASES,
    st.integers(0, 40),
    st.integers(0, 40),
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Dev1/ai0", ["Dev1/ai0"]),
        ("Dev1/ai0:2, Dev1/ai5", ["Dev1/ai0", "Dev1/ai1", "Dev1/ai2", "Dev1/ai5"]),
        ("Dev1/port0/line3:1", ["Dev1/port0/line3", "Dev1/port0/line2", "Dev1/port0/line1"]),
        ("cDAQ1Mod1/ai0:cDAQ1Mod1/ai1", ["cDAQ1Mod1/ai0", "cDAQ1Mod1/ai1"]),
        ("  Dev1/ai4 ,,Dev1/ai4:4", ["Dev1/ai4", "Dev1/ai4"]),
        ("In08:10", ["In08", "In09", "In10"]),
        ("Left Pressure, Right Pressure", ["Left Pressure", "Right Pressure"]),
        ("", []),
        (" , ", []),
    ],
)
def test_lists_and_ranges_name_their_channels_in_order(text: str, names: list[str]) -> None:
    assert expand(text) == names


@pytest.mark.parametrize("text", ["Dev1/ai0:", ":3", "ai:3", "a0:b3", "ai0:3:5", "ai0:99999999999"])
def test_a_range_that_is_none_is_refused_with_the_driver_s_code(text: str) -> None:
    with pytest.raises(DriverError, match="Range:") as caught:
        expand(text)
    assert caught.value.code == INVALID_RANGE


@given(st.lists(st.one_of(NAMES, RANGES), max_size=6))
def test_ni_s_python_package_reads_a_list_as_we_do(tokens: list[str]) -> None:
    text = ", ".join(tokens)
    assert expand(text) == unflatten_channel_string(text)


@given(st.lists(NAMES, max_size=20))
def test_a_list_that_is_made_shorter_names_the_same_channels(names: list[str]) -> None:
    assert expand(flatten(names)) == names
    assert unflatten_channel_string(flatten(names)) == names


@given(st.lists(NAMES, max_size=20))
def test_a_list_of_ni_s_python_package_names_the_same_channels(names: list[str]) -> None:
    assert expand(flatten_channel_string(names)) == names


@given(st.text(max_size=30))
def test_any_text_is_a_list_or_refused(text: str) -> None:
    try:
        names = expand(text)
    except DriverError as error:
        assert error.code == INVALID_RANGE
    else:
        assert all(name == name.strip() != "" for name in names)


def test_neighbours_become_ranges() -> None:
    lines = [f"Dev1/port0/line{n}" for n in (0, 1, 2, 7, 6, 5, 3)]
    assert flatten(lines) == "Dev1/port0/line0:2, Dev1/port0/line7:5, Dev1/port0/line3"


def test_virtual_channels_get_the_names_that_the_client_gives() -> None:
    physical = ["Dev1/ai0", "Dev1/ai1"]
    assert name_channels("", physical) == physical
    assert name_channels("Level", physical) == ["Level0", "Level1"]
    assert name_channels("Level", physical[:1]) == ["Level"]
    assert name_channels("Left, Right", physical) == ["Left", "Right"]
    assert name_channels("In4:3", physical) == ["In4", "In3"]
    with pytest.raises(DriverError, match="3 names for 2 channels"):
        name_channels("a, b, c", physical)


def test_the_device_of_a_channel_or_terminal_stands_before_the_slash() -> None:
    assert device_of("Dev1/port0/line3") == "Dev1"
    assert device_of("/Dev1/PFI0") == "Dev1"
    assert device_of("Dev1") == "Dev1"
