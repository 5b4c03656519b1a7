"""List the pages of the console, in the order of the menu. A new page is one more line here."""

from __future__ import annotations

from measurement_console.pages.instruments import INSTRUMENTS
from measurement_console.pages.measure import MEASURE
from measurement_console.pages.now import NOW
from measurement_console.pages.page import Page
from measurement_console.pages.records import RECORDS
from measurement_console.pages.sequences import SEQUENCES
from measurement_console.pages.services import SERVICES
from measurement_console.pages.sessions import SESSIONS
from measurement_console.pages.stations import STATIONS

PAGES: tuple[Page, ...] = (
    NOW,
    SESSIONS,
    SERVICES,
    MEASURE,
    SEQUENCES,
    INSTRUMENTS,
    RECORDS,
    STATIONS,
)
