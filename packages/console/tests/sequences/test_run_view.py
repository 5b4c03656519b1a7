"""The table of a run is what its events say, from whichever event it is read on."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from measurement_console.sequences.run_view import ALL_SITES, CellLine, RunView, StepRow
from platform_sim.sequence.model import Group
from platform_sim.sequence.results import SiteOutputs, StepResult, StepStatus
from platform_sim.sequence_service.events import (
    encode_ended,
    encode_note,
    encode_step_ended,
    encode_step_started,
)
from platform_sim.v1 import sequences_pb2 as pb
from plugin_kit import Limits, OutputLimits, check_limits


def view_of(*events: pb.RunEvent) -> RunView:
    view = RunView()
    for number, event in enumerate(events, 1):
        event.number = number
        event.at.FromSeconds(1000 + number)
        view.add(event)
    return view


def started(name: str, group: Group = Group.MAIN) -> pb.RunEvent:
    return encode_step_started(group, name)


def ended(name: str, status: StepStatus = StepStatus.PASSED, **more: object) -> pb.RunEvent:
    return encode_step_ended(StepResult(Group.MAIN, name, status, 0.5, **more))


def test_a_step_is_running_until_it_ends() -> None:
    view = view_of(started("measure"))
    assert view.rows == [StepRow(1, 1, "main", "measure", "running", 1001.0)]
    view = view_of(started("measure"), ended("measure", StepStatus.FAILED, message="too high"))
    (row,) = view.rows
    assert (row.number, row.revision, row.state, row.seconds) == (1, 2, "failed", 0.5)
    assert row.message == "too high"


def test_steps_of_one_name_have_a_row_each_and_a_skipped_step_too() -> None:
    view = view_of(
        started("a"), ended("a"), started("a"), ended("a"), ended("b", StepStatus.SKIPPED)
    )
    assert [(row.number, row.name, row.state) for row in view.rows] == [
        (1, "a", "passed"),
        (2, "a", "passed"),
        (3, "b", "skipped"),
    ]


def test_values_stand_in_the_column_of_their_site_with_their_limits() -> None:
    limits = {"v": OutputLimits(Limits(low=1), {1: Limits(low=1, high=2)})}
    outputs = {
        "measurement_sites": [0, 1],
        "measurement_pin_names": ["A", "B"],
        "v": [3.0, 3.0],
        "in_compliance": [True, False],
        "mode": "DC",
    }
    measured = SiteOutputs(outputs, None, check_limits(limits, outputs))
    view = view_of(started("m"), ended("m", measurements=(measured,)))
    assert view.sites == [0, 1]
    cells = view.rows[0].cells
    assert cells[0] == [
        CellLine("v (A)", "3", "at least 1", True),
        CellLine("in_compliance (A)", "true"),
    ]
    assert cells[1][0] == CellLine("v (B)", "3", "1 to 2", False)
    assert cells[ALL_SITES] == [CellLine("mode", "DC")]


def test_a_call_of_one_site_stands_in_its_column() -> None:
    measured = tuple(SiteOutputs({"v": float(site)}, site) for site in (2, 0))
    view = view_of(started("m"), ended("m", measurements=measured))
    assert view.sites == [0, 2]
    assert view.rows[0].cells[2][0] == CellLine("v", "2")


def test_long_values_are_shortened() -> None:
    outputs = {"samples": [1.0] * 900, "text": "x" * 500, "nan": math.nan}
    view = view_of(started("m"), ended("m", measurements=(SiteOutputs(outputs),)))
    texts = [one.text for one in view.rows[0].cells[ALL_SITES]]
    assert texts[0] == "[1, 1, 1, 1, … 900 values]"
    assert len(texts[1]) < 100
    assert texts[2] == "null"
    many = SiteOutputs({f"o{number}": number for number in range(100)})
    view = view_of(started("m"), ended("m", measurements=(many,)))
    assert view.rows[0].cells[ALL_SITES][-1].name == "88 more values"


def test_the_end_has_the_outcome_and_its_reason() -> None:
    view = view_of(encode_note("a note"), encode_ended(pb.OUTCOME_TERMINATED, "stopped"))
    assert (view.notes, view.outcome, view.message) == (["a note"], "terminated", "stopped")
    assert view.head_revision == 2


@given(st.lists(st.integers(0, 5)))
def test_events_that_come_again_change_nothing(again: list[int]) -> None:
    events = [started("a"), ended("a"), started("b"), ended("b"), encode_ended(pb.OUTCOME_PASSED)]
    once, twice = view_of(*events), RunView()
    for number in range(len(events)):
        for place in [number, *(one for one in again if one < number)]:
            twice.add(events[place])
    assert twice == once
