"""Make messages with any content, for every kind of request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st
from logger_bench import RECORD, SAMPLES, WITH_WAVEFORM

SECRET = b"0123456789abcdef"
"""A client's; it is met again from one message to the next."""
_NAMES = ["", "a.log", "b.ndjson", "../x.log", "/etc/x.log", "\0.log", "json-log"]
_NUMBERS = st.sampled_from([0, 1, 2, 2**31 - 1])

Values = dict[int, st.SearchStrategy[Any]]


def values(names: Sequence[str]) -> Values:
    """Return strategies by type of field.

    Args:
        names: Names that the server knows, such as a session's name. They are used often, so that
            messages get further than the look-up.
    """
    known = st.sampled_from([*names, *_NAMES])
    return {
        FieldDescriptor.TYPE_STRING: known | st.text(max_size=50),
        FieldDescriptor.TYPE_BYTES: st.binary(max_size=200)
        | st.sampled_from([SECRET, RECORD, WITH_WAVEFORM, SAMPLES]),
        FieldDescriptor.TYPE_BOOL: st.booleans(),
        FieldDescriptor.TYPE_UINT32: _NUMBERS | st.integers(0, 2**32 - 1),
        FieldDescriptor.TYPE_INT32: _NUMBERS | st.integers(-(2**31), 2**31 - 1),
        FieldDescriptor.TYPE_UINT64: _NUMBERS | st.integers(0, 2**64 - 1),
        FieldDescriptor.TYPE_INT64: _NUMBERS | st.integers(-(2**63), 2**63 - 1),
        FieldDescriptor.TYPE_ENUM: st.integers(-3, 9),
    }


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor, values: Values) -> Message:
    """Return messages with any values in any of their fields."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if not draw(st.booleans()):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            text = values[FieldDescriptor.TYPE_STRING]
            getattr(message, field.name)[draw(text)] = draw(text)
        elif field.message_type is not None:
            inner = messages(field.message_type, values)
            value = getattr(message, field.name)
            if hasattr(value, "add"):  # it is repeated
                value.extend(draw(st.lists(inner, max_size=3)))
            else:
                value.CopyFrom(draw(inner))
        else:
            setattr(message, field.name, draw(values[field.type]))
    return message


@st.composite
def requests(draw: st.DrawFn, method: MethodDescriptor, values: Values) -> bytes:
    """Return encoded requests of a method: whole, cut, with garbage at the end, or only garbage."""
    message: bytes = draw(messages(method.input_type, values)).SerializeToString()
    garbage = draw(st.binary(max_size=100))
    half = message[: len(message) // 2]
    return draw(st.sampled_from([message, message, garbage, half, message + garbage]))
