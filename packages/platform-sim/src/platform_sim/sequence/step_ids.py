"""Step ids that stay the same from build to build.

TestStand's own are time-based GUIDs; all it needs is that no two steps of a file share one
(observed: ``ID#:`` and 22 characters that spell 16 bytes).
"""

from __future__ import annotations

import base64
import hashlib

_PREFIX = "ID#:"
_ALPHABET = b"+/"


def step_id(sequence: str, group: str, name: str, occurrence: int) -> str:
    """Return the id of a step from what identifies it to a person.

    Args:
        sequence: Name of the sequence.
        group: Name of the step group.
        name: Name of the step.
        occurrence: How many steps of that name come before it in the group.
    """
    key = "\0".join((sequence, group, name, str(occurrence)))
    digest = hashlib.sha256(key.encode()).digest()[:16]
    return _PREFIX + base64.b64encode(digest, _ALPHABET).decode().rstrip("=")
