"""Write XML as TestStand does: tabs, apostrophes around attributes, one element in a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from platform_sim.sequence.errors import UnsupportedError

_IN_ATTRIBUTES = {"'": "&apos;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
_IN_TEXT = {"\r": "&#13;"}
"""Characters that a reader would change: white space in attributes, and carriage returns."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Element:
    """An element with text or with children."""

    tag: str
    """Name with its prefix."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attributes, in the order of writing."""

    children: tuple[Element | Verbatim, ...] = ()
    """Child elements."""

    text: str = ""
    """Text, only for an element without children."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """XML text that is written unchanged."""

    text: str
    """One or more lines."""


def render(element: Element | Verbatim, depth: int = 0) -> Iterator[str]:
    """Yield the lines of an element.

    Raises:
        UnsupportedError: A text has a character that XML cannot contain.
    """
    if isinstance(element, Verbatim):
        yield element.text
        return
    indent = "\t" * depth
    attributes = "".join(
        f" {name}='{_escaped(value, _IN_ATTRIBUTES)}'" for name, value in element.attributes.items()
    )
    start = f"{indent}<{element.tag}{attributes}"
    if element.children:
        yield f"{start}>"
        for child in element.children:
            yield from render(child, depth + 1)
        yield f"{indent}</{element.tag}>"
    elif element.text:
        yield f"{start}>{_escaped(element.text, _IN_TEXT)}</{element.tag}>"
    else:
        yield f"{start}/>"


def _escaped(text: str, entities: dict[str, str]) -> str:
    wrong = _NOT_IN_XML.search(text)
    if wrong:
        raise UnsupportedError(f"{text!r}: XML cannot contain the character {wrong[0]!r}.")
    return escape(text, entities)
