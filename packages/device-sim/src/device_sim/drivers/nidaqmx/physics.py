"""The calls of NI-DAQmx: which objects serve them."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType


def make_calls(protobuf: ModuleType) -> Sequence[object]:
    """Return the objects whose methods serve the calls of the same names, in snake case.

    An object with a method `find` may serve calls by rule: it gets the descriptor of a call, and
    returns the method, or None.
    """
    return ()
