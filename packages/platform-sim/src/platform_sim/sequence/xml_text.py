"""Write XML the way TestStand does: tabs, apostrophes around attributes, one element a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_APOSTROPHE = {"'": "&apos;"}


@dataclass(frozen=True, slots=True)
class Element:
    """An element with text or with children."""

    tag: str
    """Name with its prefix."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    """In the order of writing."""

    children: tuple[Element | Verbatim, ...] = ()
    """Child elements."""

    text: str = ""
    """Text; only without children."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """XML text that is written as it is."""

    text: str
    """One or more lines."""


def render(element: Element | Verbatim, depth: int = 0) -> Iterator[str]:
    """Yield the lines of an element."""
    if isinstance(element, Verbatim):
        yield element.text
        return
    indent = "\t" * depth
    attributes = "".join(
        f" {name}='{escape(value, _APOSTROPHE)}'" for name, value in element.attributes.items()
    )
    start = f"{indent}<{element.tag}{attributes}"
    if element.children:
        yield f"{start}>"
        for child in element.children:
            yield from render(child, depth + 1)
        yield f"{indent}</{element.tag}>"
    elif element.text:
        yield f"{start}>{escape(element.text)}</{element.tag}>"
    else:
        yield f"{start}/>"
