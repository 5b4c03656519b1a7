"""A fault is switched on with what its form has, and read back as the sentence of that form."""

from __future__ import annotations

import pytest
from measurement_console.bench.faults import (
    FAULT_KINDS,
    FaultInputError,
    FaultKind,
    fault_text,
    kinds_for,
    read_fault,
)

TEXTS = {"share": "0.5", "volts": "0.1", "seconds": "2e-3", "code": "-12", "relay": "k0"}


@pytest.mark.parametrize("kind", FAULT_KINDS, ids=lambda kind: kind.key)
def test_each_kind_is_read_and_shown(kind: FaultKind) -> None:
    fault = read_fault("SMU1", kind.key, TEXTS)
    assert fault["device"] == "SMU1"
    assert set(fault[kind.key]) == set(kind.settings)
    assert fault_text(fault).startswith(kind.label)


@pytest.mark.parametrize(
    ("key", "texts", "said"),
    [
        ("clip_input", {"share": "much"}, "Write a share from 0 to 1"),
        ("clip_input", {}, "share is ''"),
        ("fail_call", {"code": "1.5"}, "negative error code"),
        ("stick_relay", {"relay": " "}, "name of a relay"),
        ("__class__", {}, "no fault '__class__'"),
    ],
)
def test_a_wrong_setting_says_what_to_write(key: str, texts: dict[str, str], said: str) -> None:
    with pytest.raises(FaultInputError, match=said):
        read_fault("SMU1", key, texts)


def test_the_times_of_a_fault_are_shown() -> None:
    text = fault_text({"device": "D", "over_range": {}, "after": 0.5, "lasting": 2.0})
    assert text == "every reading is out of range, in 500 ms, for 2 s"
    assert "does not know" in fault_text({"device": "D", "melts": {}})


def test_an_instrument_has_the_faults_of_its_driver() -> None:
    assert "clip_input" not in [kind.key for kind in kinds_for("nidmm")]
    assert "clip_input" in [kind.key for kind in kinds_for("niscope")]
    assert kinds_for("") == FAULT_KINDS
