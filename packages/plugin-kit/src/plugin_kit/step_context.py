"""What the caller of a plug-in says about the step that measures.

It travels as metadata of the Measure call. `platform-sim run` sends it, and TestStand does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from plugin_kit.errors import LimitsError
from plugin_kit.limits import OutputLimits, read_limits

_KEY = "measurement-step-bin"
"""Key of the metadata; its value is JSON in UTF-8."""
_MOST_BYTES = 4096
"""gRPC refuses calls with more than 8 KiB of metadata, its own included."""
_TEXTS = ("sequence_file", "step", "execution", "uut")


@dataclass(frozen=True, slots=True)
class StepContext:
    """The step for which a plug-in measures. What the caller did not say is empty."""

    sequence_file: str = ""
    """Path of the sequence file."""
    step: str = ""
    """Name of the step."""
    execution: str = ""
    """Name of one run of the sequence."""
    uut: str = ""
    """Serial number of the unit under test."""
    limits: Mapping[str, OutputLimits] = field(default_factory=dict)
    """Limits that the step has for the outputs, by name."""

    def metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return the metadata of a call. Limits that need too much room are left out."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS}
        plain = {name: text for name, text in plain.items() if text}
        if self.limits:
            plain["limits"] = {name: one.plain() for name, one in self.limits.items()}
        encoded = json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace")
        if len(encoded) <= _MOST_BYTES:
            return ((_KEY, encoded),) if plain else ()
        return replace(self, limits={}).metadata() if self.limits else ()


def step_context_of(metadata: Iterable[tuple[str, str | bytes]]) -> StepContext:
    """Return the step context in the metadata of a call; an empty one if there is none.

    Anybody may send metadata, so what cannot be read counts as absent.
    """
    for key, value in metadata:
        if key == _KEY and isinstance(value, bytes):
            try:
                return _decode(json.loads(value))
            except (ValueError, RecursionError, LimitsError):
                break
    return StepContext()


def _decode(plain: object) -> StepContext:
    if not isinstance(plain, dict):
        return StepContext()
    texts = {name: plain[name] for name in _TEXTS if isinstance(plain.get(name), str)}
    return StepContext(**texts, limits=read_limits(plain.get("limits", {})))
