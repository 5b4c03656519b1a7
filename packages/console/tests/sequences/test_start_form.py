"""The form that starts a sequence gives the service what the user wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurement_console.sequences.start_form import (
    Start,
    StartInputError,
    option_texts,
    read_start,
)


def test_what_is_empty_is_left_out() -> None:
    start = read_start({"sequence": "/s/A.seq", "pin_map": "", "sites": " ", "uut": " "})
    assert start.fields == {"sequence": "/s/A.seq"}
    assert option_texts(start) == []
    assert str(start) == "/s/A.seq"


def test_options_are_sent_and_shown() -> None:
    form = {"sequence": "A.seq", "pin_map": r"C:\maps\B.pinmap", "sites": "3, 0 3", "uut": " SN 7 "}
    start = read_start(form)
    assert start == Start("A.seq", r"C:\maps\B.pinmap", (3, 0), "SN 7")
    assert option_texts(start) == ["pin map B.pinmap", "sites 3, 0", "unit SN 7"]
    assert str(start) == "A.seq, pin map B.pinmap, sites 3, 0, unit SN 7"
    assert option_texts(Start("A.seq", sites=(2,))) == ["site 2"]


@pytest.mark.parametrize(
    "sites", ["a", "0,-1", "1.5", "2147483648", "٣", "9" * 10_000, "0 " * 10_001]
)
def test_sites_that_are_no_numbers_are_refused_with_an_example(sites: str) -> None:
    with pytest.raises(StartInputError, match="such as 0, 1"):
        read_start({"sequence": "A.seq", "sites": sites})


@given(st.lists(st.integers(0, 2**31 - 1), unique=True), st.sampled_from([",", ", ", " ", " ,"]))
def test_every_list_of_sites_is_read(sites: list[int], between: str) -> None:
    assert read_start({"sites": between.join(map(str, sites))}).sites == tuple(sites)
