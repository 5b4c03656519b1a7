"""Outputs are shown with their values, and long ones say what is left out."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurement_console.live.plots import Line, reduce_line
from measurement_console.measure.outputs import ShownOutput, show_outputs
from plugin_kit.calling import EnumValue


def show(value: Any) -> ShownOutput:
    (output,) = show_outputs({"one": value}).outputs
    return output


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (4.999500123456, "4.999500123"),
        (math.nan, "nan"),
        (2**63, "9223372036854775808"),
        (True, "true"),
        ("", ""),
        ("<script>", "<script>"),
        (EnumValue("RED", 2), "RED (2)"),
        (None, "not set"),
        ([], "empty"),
        (["a", "b"], "a, b"),
        ([True, False], "true, false"),
    ],
)
def test_scalars_and_short_lists_are_shown_whole(value: Any, text: str) -> None:
    output = show(value)
    assert (output.text, output.left_out, list(output.lines)) == (text, "", [])


def test_a_long_array_is_a_plot_and_its_first_values() -> None:
    output = show([float(number) for number in range(1_000_000)])
    assert output.text.startswith("0, 1, 2")
    assert output.left_out == "999,980 more of 1,000,000 values."
    (line,) = output.lines
    assert len(line.x) <= 4000
    assert (line.y[0], line.y[-1]) == (0.0, 999_999.0)


def test_a_long_text_says_how_much_is_left_out() -> None:
    output = show("x" * 10_000)
    assert (len(output.text), output.left_out) == (2001, "8,000 more characters.")


@pytest.mark.parametrize(
    ("value", "x_label", "x"),
    [
        ({"x_data": [0.0, 2.0], "y_data": [1.0, 3.0]}, "x", [0.0, 2.0]),
        ({"t0": None, "dt": 0.5, "y_data": [1.0, 3.0]}, "time in s", [0.0, 0.5]),
        (
            {"start_frequency": 10.0, "frequency_increment": 5.0, "data": [1.0, 3.0]},
            "frequency in Hz",
            [10.0, 15.0],
        ),
    ],
)
def test_xy_data_waveforms_and_spectra_are_plots(value: Any, x_label: str, x: Any) -> None:
    output = show(value)
    assert output.x_label == x_label
    assert [(list(line.x), list(line.y)) for line in output.lines] == [(x, [1.0, 3.0])]


def test_a_list_of_xy_data_is_one_plot_with_a_line_for_each() -> None:
    output = show([{"x_data": [0.0, 1.0], "y_data": [1.0, 3.0]}] * 2)
    assert [line.label for line in output.lines] == ["0: y", "1: y"]


def test_a_2d_array_is_a_table_and_a_plot_with_a_line_for_each_row() -> None:
    output = show([[1.0, 2.0], [3.0, 4.0]])
    assert output.rows == [["1", "2"], ["3", "4"]]
    assert [list(line.y) for line in output.lines] == [[1.0, 2.0], [3.0, 4.0]]


def test_outputs_by_site_and_pin_are_one_table() -> None:
    shown = show_outputs(
        {
            "voltage": [6.0, 5.5],
            "mode": "DC",
            "measurement_pin_names": ["A", "A"],
            "measurement_sites": [0, 1],
            "in_compliance": [False, True],
        }
    )
    assert [output.name for output in shown.outputs] == ["mode"]
    assert shown.table is not None
    assert shown.table.header == ("site", "pin", "voltage", "in_compliance")
    assert shown.table.rows == (("0", "A", "6", "false"), ("1", "A", "5.5", "true"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inside: st.lists(inside, max_size=5) | st.dictionaries(st.text(), inside),
    )
)
def test_whatever_a_plugin_sends_is_shown(value: Any) -> None:
    show_outputs({"one": value, "measurement_sites": value})


series = st.lists(st.floats(), min_size=1, max_size=300)


@given(series, st.integers(6, 60))
def test_a_reduced_line_keeps_its_lowest_and_highest_values(y: list[float], most: int) -> None:
    line = reduce_line(Line("one", range(len(y)), y), most)
    assert len(line.x) == len(line.y) <= max(most, 3)
    assert list(line.x) == sorted(line.x)
    assert all(same(y[int(x)], value) for x, value in zip(line.x, line.y, strict=True))
    numbers = [one for one in y if not math.isnan(one)]
    if numbers:
        assert {min(numbers), max(numbers)} <= set(line.y)
    assert any(map(math.isnan, line.y)) == any(map(math.isnan, y))


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
