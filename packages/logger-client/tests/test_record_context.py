"""The context of a record becomes its reserved keys, and what does not fit is refused by name."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from json_logger_client import (
    InvalidArgumentError,
    Limits,
    RecordContext,
    SequencePlace,
    Uut,
)
from json_logger_client.encoding import encode_record
from json_logger_client.record_context import record_fields


def encoded(context: RecordContext | None, **outputs: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_record("m", {}, outputs, context=context).line)
    return found


def test_a_record_without_context_has_no_reserved_key() -> None:
    for context in (None, RecordContext()):
        assert list(encoded(context, v=1)) == [
            "timestamp",
            "measurement_name",
            "measurement_configurations",
            "measurement_outputs",
        ]


def test_every_part_of_the_context_is_written_and_empty_parts_are_left_out() -> None:
    context = RecordContext(
        units={"v": "V"},
        limits={"v": Limits(1, 2.5, nominal=2), "i": [Limits(high=3), Limits()]},
        uut=Uut("SN1", lot="L7"),
        station="station-3",
        operator="Ada",
        sequence=SequencePlace("A.seq", execution="17"),
    )
    record = encoded(context, v=2, i=[1, None])
    assert record["units"] == {"v": "V"}
    assert record["limits"] == {"v": {"low": 1, "high": 2.5, "nominal": 2}, "i": [{"high": 3}, {}]}
    assert record["status"] == "passed"
    assert record["uut"] == {"serial": "SN1", "lot": "L7"}
    assert (record["station"], record["operator"]) == ("station-3", "Ada")
    assert record["sequence"] == {"file": "A.seq", "execution": "17"}


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (1, True),
        (2.0, True),
        (0.999, False),
        (2.001, False),
        (math.nan, False),
        (math.inf, False),
        (None, False),
        ("1.5", False),
        (True, False),
        ([1, 2, 1.5], True),
        ([[1, 2], [1.5]], True),
        ([1, 3], False),
        ([1, None], False),
        ([], False),
        (np.array([1.0, 2.0]), True),
        (np.array([1, 3], dtype="i2"), False),
        (np.array([1.0, math.nan]), False),
        (np.float32(1.5), True),
        (np.array([]), False),
    ],
)
def test_the_status_says_whether_all_values_are_within_the_limits(value: Any, passes: bool) -> None:
    context = RecordContext(limits={"v": Limits(1, 2)})
    assert encoded(context, v=value)["status"] == ("passed" if passes else "failed")


def test_the_samples_of_a_waveform_with_a_scale_are_compared() -> None:
    waveform = pytest.importorskip("nitypes.waveform")
    samples = waveform.AnalogWaveform.from_array_1d(
        np.array([10, 20], dtype="i2"), scale_mode=waveform.LinearScaleMode(0.1, 0)
    )
    context = RecordContext(limits={"v": Limits(1, 2)})
    assert record_fields(context, {"v": samples})["status"] == "passed"


def test_each_value_of_a_list_can_have_its_own_limits() -> None:
    limits = {"v": [Limits(high=1), Limits(low=5), Limits()]}
    assert encoded(RecordContext(limits=limits), v=[1, 5, None])["status"] == "passed"
    assert encoded(RecordContext(limits=limits), v=[5, 5, 1])["status"] == "failed"


def test_a_status_of_the_caller_is_kept() -> None:
    context = RecordContext(limits={"v": Limits(high=1)}, status="aborted")
    assert encoded(context, v=5)["status"] == "aborted"
    assert encoded(RecordContext(status="error"))["status"] == "error"


@pytest.mark.parametrize(
    ("context", "problem"),
    [
        (RecordContext(limits={"w": Limits(1)}), "'w', but the record has no such output.*v"),
        (RecordContext(limits={"v": [Limits()] * 3}), "3 limits for the 2 values of 'v'"),
        (RecordContext(limits={"v": {"low": 1}}), "limits of 'v' must be Limits"),  # type: ignore[dict-item]
        (RecordContext(status="bad"), "status is 'bad'. Use one of passed"),  # type: ignore[arg-type]
        (RecordContext(units={"v": 1}), "unit of v must be a text"),  # type: ignore[dict-item]
        (RecordContext(station=7), "station must be a text"),  # type: ignore[arg-type]
        (RecordContext(uut="SN1"), "uut must be a Uut"),  # type: ignore[arg-type]
        (RecordContext(uut=Uut(7)), "serial of the uut must be a text"),  # type: ignore[arg-type]
        ({"units": {}}, "context must be RecordContext"),
    ],
)
def test_a_context_that_does_not_fit_is_refused_by_name(context: Any, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        encode_record("m", {}, {"v": [1, 2]}, context=context)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"low": math.nan}, "limit low is nan"),
        ({"high": math.inf}, "limit high is inf"),
        ({"nominal": "5"}, "limit nominal is '5'"),
        ({"low": True}, "limit low is True"),
        ({"low": 2, "high": 1}, "low, 2, is above the limit high, 1"),
    ],
)
def test_limits_that_mean_nothing_are_refused(arguments: Any, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        Limits(**arguments)
