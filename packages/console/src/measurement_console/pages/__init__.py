"""List the pages of the console, in the order of the menu. A new page is one more line here."""

from __future__ import annotations

from measurement_console.pages.now import NOW
from measurement_console.pages.page import Page

PAGES: tuple[Page, ...] = (NOW,)
