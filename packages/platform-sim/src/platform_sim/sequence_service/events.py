"""Encode the events of a run as messages that are small enough for every client.

gRPC's clients accept messages of up to 4 MiB by default, and a platform keeps its runs' events.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format, struct_pb2
from plugin_kit import LimitCheck
from plugin_kit.calling import json_value

from platform_sim.sequence.model import Group
from platform_sim.sequence.results import SiteOutputs, StepResult, StepStatus
from platform_sim.v1 import sequences_pb2 as pb

_MOST_ELEMENTS = 1000
_MOST_CHARACTERS = 10_000
_MOST_BYTES_OF_MEASUREMENTS = 2**20

_GROUPS = {
    Group.SETUP: pb.GROUP_SETUP,
    Group.MAIN: pb.GROUP_MAIN,
    Group.CLEANUP: pb.GROUP_CLEANUP,
}
_STATUSES = {
    StepStatus.DONE: pb.STEP_STATUS_DONE,
    StepStatus.PASSED: pb.STEP_STATUS_PASSED,
    StepStatus.FAILED: pb.STEP_STATUS_FAILED,
    StepStatus.ERROR: pb.STEP_STATUS_ERROR,
    StepStatus.SKIPPED: pb.STEP_STATUS_SKIPPED,
}


def encode_note(text: str) -> pb.RunEvent:
    """Return the event of a note."""
    return pb.RunEvent(note=pb.Note(text=_shorten_text(text)))


def encode_step_started(group: Group, step: str) -> pb.RunEvent:
    """Return the event of a step that starts."""
    return pb.RunEvent(step_started=pb.StepStarted(group=_GROUPS[group], step=_shorten_text(step)))


def encode_step_ended(result: StepResult) -> pb.RunEvent:
    """Return the event of a step that has ended, without parts that would make it too large."""
    measurements: list[pb.Measurement] = []
    size = 0
    for outputs in result.measurements:
        measurement = _encode_outputs(outputs)
        size += measurement.ByteSize()
        if size > _MOST_BYTES_OF_MEASUREMENTS:
            break
        measurements.append(measurement)
    is_wrong = result.status in (StepStatus.FAILED, StepStatus.ERROR)
    return pb.RunEvent(
        step_ended=pb.StepEnded(
            group=_GROUPS[result.group],
            step=_shorten_text(result.step),
            status=_STATUSES[result.status],
            seconds=result.seconds,
            message=_shorten_text(result.message),
            details=_shorten_text(result.details),
            is_ignored=is_wrong and not result.counts,
            measurements=measurements,
            measurements_left_out=len(result.measurements) - len(measurements),
        )
    )


def encode_ended(outcome: pb.Outcome.ValueType, message: str = "") -> pb.RunEvent:
    """Return the event of a run that has ended."""
    return pb.RunEvent(ended=pb.RunEnded(outcome=outcome, message=_shorten_text(message)))


def _encode_outputs(outputs: SiteOutputs) -> pb.Measurement:
    encoded = []
    for name, value in outputs.outputs.items():
        shortened, left_out = _shorten(json_value(value))
        message = json_format.ParseDict(shortened, struct_pb2.Value())
        encoded.append(pb.Output(name=name, value=message, left_out=left_out))
    checks = [_encode_check(check) for check in outputs.checks[:_MOST_ELEMENTS]]
    return pb.Measurement(site=outputs.site, outputs=encoded, limit_checks=checks)


def _encode_check(check: LimitCheck) -> pb.LimitCheck:
    value, _ = _shorten(json_value(check.value))
    return pb.LimitCheck(
        output=_shorten_text(check.output),
        site=check.site,
        pin=_shorten_text(check.pin),
        value=json_format.ParseDict(value, struct_pb2.Value()),
        **check.limits.plain(),
        passed=check.passed,
    )


def _shorten(value: object) -> tuple[Any, int]:
    """Return a JSON value with shortened arrays and texts, and the number of omitted items."""
    if isinstance(value, str):
        return _valid(value[:_MOST_CHARACTERS]), max(0, len(value) - _MOST_CHARACTERS)
    if isinstance(value, list):
        items = [_shorten(item) for item in value[:_MOST_ELEMENTS]]
        left_out = max(0, len(value) - _MOST_ELEMENTS) + sum(more for _, more in items)
        return [item for item, _ in items], left_out
    if isinstance(value, dict):
        fields = {key: _shorten(item) for key, item in value.items()}
        return {key: item for key, (item, _) in fields.items()}, sum(n for _, n in fields.values())
    return value, 0


def _shorten_text(text: str) -> str:
    rest = len(text) - _MOST_CHARACTERS
    return _valid(f"{text[:_MOST_CHARACTERS]}... ({rest} more characters)" if rest > 0 else text)


def _valid(text: str) -> str:
    """Return a text that a message can contain. Errors of code modules may have lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")
