"""Keep the sections of pages as HTML, each with the revision in which it last changed.

All browsers that show a page share its sections: a change is rendered once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

_MOST_VIEWS = 100
"""Views that are kept; a view is a page with its arguments."""


@dataclass(frozen=True, slots=True)
class Section:
    """The HTML of a section, and when it changed."""

    html: str
    revision: int


@dataclass(slots=True)
class _View:
    seen: int = -1
    """Number of changes that were seen."""
    sections: dict[str, Section] = field(default_factory=dict)


class Board:
    """The sections of all views that browsers show."""

    def __init__(self) -> None:
        """Begin with no view."""
        self.revision = 1
        """Number of the last change of any section."""
        self._views: OrderedDict[Hashable, _View] = OrderedDict()

    def sections(
        self, key: Hashable, changes: int, render: Callable[[], Mapping[str, str]]
    ) -> Mapping[str, Section]:
        """Return the sections of a view by name.

        Args:
            key: The page and its arguments.
            changes: Number of changes so far. The view is rendered again when this has changed.
            render: Renders the sections: HTML by name.
        """
        view = self._views.setdefault(key, _View())
        self._views.move_to_end(key)
        while len(self._views) > _MOST_VIEWS:
            self._views.popitem(last=False)
        if view.seen != changes:
            view.seen = changes
            for name, html in render().items():
                before = view.sections.get(name)
                if before is None or before.html != html:
                    self.revision += 1
                    view.sections[name] = Section(html, self.revision)
        return view.sections
