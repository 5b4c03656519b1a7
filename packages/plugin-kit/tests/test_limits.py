"""Limits are read from plain values, and measured values are compared with those of their site."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugin_kit import (
    Limits,
    LimitsError,
    OutputLimits,
    StepContext,
    check_limits,
    read_limits,
)
from plugin_kit.step_context import step_context_of

_numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def _limits(draw: st.DrawFn) -> Limits:
    low, high = sorted((draw(_numbers), draw(_numbers)))
    return Limits(
        draw(st.sampled_from([low, None])),
        draw(st.sampled_from([high, None])),
        draw(_numbers | st.none()),
    )


_all_limits = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.builds(OutputLimits, _limits(), st.dictionaries(st.integers(0, 9), _limits())).filter(
        lambda one: one.can_fail
    ),
    max_size=3,
)


@given(_all_limits)
def test_limits_that_are_written_are_read_back(limits: dict[str, OutputLimits]) -> None:
    plain = {name: one.plain() for name, one in limits.items()}
    assert read_limits(json.loads(json.dumps(plain))) == limits


@pytest.mark.parametrize(
    ("plain", "problem"),
    [
        (7, "limits is 7. Write a table"),
        ({"v": 7}, "limits of v: it is 7"),
        ({"v": {}}, "limits of v: no value can fail. Give low or high"),
        ({"v": {"nominal": 1, "sites": {"1": {}}}}, "limits of v: no value can fail"),
        ({"v": {"lo": 1}}, "lo is not a known key. The keys are low, high, nominal, sites"),
        ({"v": {"low": "1"}}, "low is '1'. Give a finite number"),
        ({"v": {"low": True}}, "low is True"),
        ({"v": {"high": math.nan}}, "high is nan"),
        ({"v": {"low": 2, "high": 1}}, "low, 2.0, is above high, 1.0"),
        ({"v": {"sites": 2}}, "sites is 2"),
        ({"v": {"sites": {"left": {"low": 1}}}}, "'left' is not a site number"),
        ({"v": {"sites": {"1": {"sites": {}}}}}, "sites is not a known key"),
    ],
)
def test_wrong_limits_are_refused_by_name(plain: object, problem: str) -> None:
    with pytest.raises(LimitsError, match=problem):
        read_limits(plain)


def test_each_value_has_the_limits_of_its_site() -> None:
    outputs: dict[str, Any] = {
        "measurement_sites": [0, 2, 2],
        "measurement_pin_names": ["A", "A", "B"],
        "v": [1.0, 1.0, 7.5],
    }
    limits = {"v": OutputLimits(Limits(high=2), {2: Limits(low=5)})}
    assert [(c.site, c.pin, c.value, c.passed) for c in check_limits(limits, outputs)] == [
        (0, "A", 1.0, True),
        (2, "A", 1.0, False),
        (2, "B", 7.5, True),
    ]
    assert str(check_limits(limits, outputs)[1]) == ("v at site 2, A: 1.0 is not within at least 5")


def test_a_value_of_one_site_has_the_limits_of_that_site() -> None:
    limits = {"v": OutputLimits(Limits(high=2), {2: Limits(low=5)})}
    for site, passed in ((0, False), (2, True)):
        (check,) = check_limits(limits, {"v": 7.0}, site)
        assert (check.site, check.passed) == (site, passed)


def test_an_array_without_sites_is_one_check_that_shows_what_fails() -> None:
    limits = {"v": OutputLimits(Limits(low=1, high=2))}
    found = [
        (check.value, check.passed)
        for values in ([1.0, 1.5], [1.0, 7.0, 1.5, 9.0], [])
        for check in check_limits(limits, {"v": values})
    ]
    assert found == [(1.5, True), (7.0, False), (None, False)]


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "1.5", True])
def test_what_is_no_number_within_the_limits_fails(value: object) -> None:
    (check,) = check_limits({"v": OutputLimits(Limits(1, 2))}, {"v": value})
    assert not check.passed


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"w": OutputLimits(Limits(1))}, "limits for w, but the measurement has no such .* v"),
        ({"v": OutputLimits(sites={1: Limits(1)})}, "the site of its values is not known"),
    ],
)
def test_limits_that_do_not_fit_the_outputs_are_an_error(
    limits: dict[str, OutputLimits], problem: str
) -> None:
    with pytest.raises(LimitsError, match=problem):
        check_limits(limits, {"v": [1.0, 2.0]})


@given(_all_limits, st.text(max_size=20))
def test_a_step_reaches_the_plug_in_as_metadata(limits: dict[str, OutputLimits], step: str) -> None:
    context = StepContext("A.seq", step, "17", "SN1", limits)
    assert step_context_of(context.metadata()) == context


def test_limits_that_need_too_much_room_are_left_out_and_the_rest_arrives() -> None:
    many = {f"output {n}": OutputLimits(Limits(n, n + 1)) for n in range(1000)}
    assert step_context_of(StepContext("A.seq", limits=many).metadata()) == StepContext("A.seq")
    assert StepContext("A" * 10_000).metadata() == ()
    assert StepContext().metadata() == ()


@pytest.mark.parametrize(
    "value", [b"", b"[]", b"{", b'{"step":7}', b'{"limits":{"v":7}}', b"\xff", b"[" * 100_000]
)
def test_metadata_of_a_stranger_that_cannot_be_read_counts_as_absent(value: bytes) -> None:
    assert step_context_of([("other", "x"), ("measurement-step-bin", value)]) == StepContext()
