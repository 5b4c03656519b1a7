"""Render templates. Everything that a log or a service says is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from session_sharing.printing import harmless

from measurement_console.file_names import file_name

_LONGEST = 200
"""Characters of a name that a page shows; the rest is cut off."""


def make_environment() -> Environment:
    """Return the environment of all templates."""
    environment = Environment(
        loader=PackageLoader("measurement_console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        shown=shown, multiline=multiline, clock=clock, stamp=stamp, file_name=file_name
    )
    return environment


def shown(value: object, longest: int = _LONGEST) -> str:
    """Return a text of other people, cut to a length, with control characters as escapes."""
    text = str(value)
    cut = text if len(text) <= longest else text[:longest] + "…"
    return harmless(cut)


def multiline(value: object, longest: int = _LONGEST) -> str:
    """Return a text of several lines as `shown` does with each line, cut to a length in all."""
    text = str(value)
    cut = text if len(text) <= longest else text[:longest] + "…"
    return "\n".join(map(harmless, cut.splitlines()))


def clock(time: datetime) -> Markup:
    """Return a time of this host as an HTML element; the date only if it is not today."""
    local = time.astimezone()
    is_today = local.date() == datetime.now().astimezone().date()
    text = local.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(), text)


def stamp(time: Timestamp) -> Markup:
    """Return a time in a message of gRPC as an HTML element."""
    return clock(time.ToDatetime(timezone.utc))


def section_element(name: str, html: str) -> Markup:
    """Return the element of a section, which the page's stream updates."""
    return Markup('<div class="section" id="{}">{}</div>').format(name, Markup(html))  # noqa: S704


def render(environment: Environment, template: str, facts: Mapping[str, Any]) -> str:
    """Return a template with its values."""
    return environment.get_template(template).render(facts)
