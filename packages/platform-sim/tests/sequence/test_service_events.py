"""The events of runs fit into the messages that every gRPC client accepts."""

from __future__ import annotations

import math

import pytest
from google.protobuf.json_format import MessageToDict
from platform_sim.sequence.model import Group
from platform_sim.sequence.results import SiteOutputs, StepResult, StepStatus
from platform_sim.sequence_service.events import encode_ended, encode_note, encode_step_ended
from platform_sim.v1 import sequences_pb2 as pb
from plugin_kit import Limits, OutputLimits, check_limits
from plugin_kit.calling import EnumValue

DEFAULT_LIMIT = 4 * 2**20
"""Bytes of a message that gRPC's clients take when they set no limit."""


def ended(**outputs: object) -> pb.StepEnded:
    return encode_step_ended(result(measurements=(SiteOutputs(outputs),))).step_ended


def result(**changes: object) -> StepResult:
    fields = {"group": Group.MAIN, "step": "measure", "status": StepStatus.PASSED, "seconds": 0.5}
    return StepResult(**{**fields, **changes})


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (True, True),
        (3, 3),
        (0.1, 0.1),
        ("text", "text"),
        (None, None),
        (math.nan, None),
        ([1.5, math.inf], [1.5, None]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        ({"x": [1.0], "dt": 0.5}, {"x": [1.0], "dt": 0.5}),
        (EnumValue("RED", 2), "RED"),
    ],
)
def test_values_are_those_of_json(value: object, told: object) -> None:
    (output,) = ended(name=value).measurements[0].outputs
    assert MessageToDict(output)["value"] == told
    assert output.left_out == 0


def test_long_values_have_their_beginning_and_say_how_much_is_left_out() -> None:
    waveform = {"y": [float(number) for number in range(5000)], "dt": 1.0}
    array, text, nested = ended(a=[1] * 1001, b="x" * 10_001, c=waveform).measurements[0].outputs
    assert (len(array.value.list_value), array.left_out) == (1000, 1)
    assert (len(text.value.string_value), text.left_out) == (10_000, 1)
    assert nested.left_out == 4000
    assert nested.value.struct_value["y"][999] == 999.0


def test_values_with_limits_say_whether_they_passed() -> None:
    limits = {"v": OutputLimits(Limits(low=1, nominal=2), {1: Limits(high=1)})}
    outputs = {"measurement_sites": [0, 1], "measurement_pin_names": ["A", "B"], "v": [3.0, 3.0]}
    measured = SiteOutputs(outputs, None, check_limits(limits, outputs))
    told = encode_step_ended(result(measurements=(measured,))).step_ended.measurements[0]
    assert [MessageToDict(check) for check in told.limit_checks] == [
        {
            "output": "v",
            "site": 0,
            "pin": "A",
            "value": 3.0,
            "low": 1.0,
            "nominal": 2.0,
            "passed": True,
        },
        {"output": "v", "site": 1, "pin": "B", "value": 3.0, "high": 1.0},
    ]


def test_no_step_makes_an_event_too_large_for_a_client() -> None:
    million = [float(number) / 3 for number in range(1_000_000)]
    once = encode_step_ended(result(measurements=(SiteOutputs({"samples": million}),)))
    assert once.step_ended.measurements[0].outputs[0].left_out == 999_000

    calls = tuple(SiteOutputs({"samples": million[:1000]}, site) for site in range(2000))
    many = encode_step_ended(
        result(
            measurements=calls,
            status=StepStatus.ERROR,
            message="m" * 10**7,
            details="d" * 10**7,
            step="s" * 10**7,
        )
    )
    assert many.ByteSize() < DEFAULT_LIMIT / 2
    kept = len(many.step_ended.measurements)
    assert kept > 10
    assert kept + many.step_ended.measurements_left_out == 2000
    assert many.step_ended.message.endswith("m... (9990000 more characters)")
    assert encode_note("n" * 10**7).ByteSize() < 20_000
    assert encode_ended(pb.OUTCOME_FAILED, "e" * 10**7).ByteSize() < 20_000


def test_texts_that_no_message_can_contain_are_sent_as_far_as_possible() -> None:
    event = encode_step_ended(
        result(status=StepStatus.ERROR, message="before \ud800 after", details="\udfff")
    )
    assert event.step_ended.message == "before ? after"
    assert event.step_ended.details == "?"
    assert not event.step_ended.is_ignored


def test_an_error_that_the_step_ignores_is_marked_as_ignored() -> None:
    assert encode_step_ended(result(status=StepStatus.ERROR, counts=False)).step_ended.is_ignored
    assert not encode_step_ended(result(counts=False)).step_ended.is_ignored
