"""What a page knows, what it gets, and that memory is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from measurement_console.live.board import Board
from measurement_console.live.stream import EPOCH, Place
from measurement_console.sources.series import MOST_POINTS, Point, Series

_values = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300)


def _series(values: list[float]) -> Series:
    series = Series()
    for number, value in enumerate(values, start=1):
        series.add(Point(number, float(number), value))
    return series


def _points(series: Series) -> list[Point]:
    return [point for bucket in series.since(0)[1] for point in bucket]


@given(_values)
def test_a_short_series_has_every_finite_value(values: list[float]) -> None:
    finite = [value for value in values if abs(value) < float("inf")]
    assert [point.value for point in _points(_series(values))] == finite


@given(st.integers(0, 40_000), st.integers(0, 50_000))
def test_a_long_series_is_bounded_and_keeps_the_extremes(count: int, peak: int) -> None:
    values = [float(number % 13) for number in range(count)]
    if peak < count:
        values[peak] = 1e6
    series = _series(values)
    points = _points(series)
    assert len(points) <= MOST_POINTS
    assert [point.seq for point in points] == sorted({point.seq for point in points})
    assert all(values[point.seq - 1] == point.value for point in points)
    if values:
        assert max(point.value for point in points) == max(values)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=12))
def test_a_reader_that_asks_now_and_then_sees_the_same_as_one_that_asks_once(
    steps: list[int],
) -> None:
    series = Series()
    known: list[list[Point]] = []
    position = number = 0
    for step in steps:
        for _ in range(step):
            number += 1
            series.add(Point(number, 0.0, float(number * 7 % 101)))
        first, buckets = series.since(position)
        del known[first:]
        known += buckets
        position = series.count
    assert known == series.since(0)[1]


def test_a_reader_of_an_earlier_log_gets_all_points_of_the_new_one() -> None:
    old = _series([1.0, 2.0])
    new = Series(old.count + 1)
    new.add(Point(1, 0.0, 5.0))
    assert new.since(old.count) == (0, [[Point(1, 0.0, 5.0)]])


@given(st.integers(0, 10**18 - 1), st.lists(st.integers(0, 10**9), max_size=4))
def test_a_place_survives_its_text(revision: int, positions: list[int]) -> None:
    place = Place(revision, tuple(positions))
    assert Place.parse(str(place)) == place


@given(st.text() | st.text().map(lambda text: f"{EPOCH}.{text}"))
def test_a_place_that_this_console_did_not_give_is_the_beginning_or_harmless(text: str) -> None:
    place = Place.parse(text)
    assert place.revision >= 0


def test_only_what_has_changed_gets_a_new_revision() -> None:
    board = Board()
    before = dict(board.sections("page", 1, lambda: {"a": "1", "b": "1"}))
    after = board.sections("page", 2, lambda: {"a": "1", "b": "2"})
    assert after["a"] == before["a"]
    assert after["b"].revision == board.revision > before["b"].revision


def test_all_browsers_of_a_page_share_one_rendering() -> None:
    board, rendered = Board(), list[int]()
    for _ in range(10):
        board.sections("page", 7, lambda: {"a": str(rendered.append(1))})
    assert len(rendered) == 1


def test_the_number_of_views_is_bounded() -> None:
    board = Board()
    for number in range(1000):
        board.sections(number, 1, lambda: {"a": "x"})
    assert len(board._views) <= 100
