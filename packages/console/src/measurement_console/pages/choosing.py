"""Choose records by the arguments of a page."""

from __future__ import annotations

from json_logger_client.records import RecordFilter, make_filter
from session_sharing import InvalidArgumentError

from measurement_console.errors import RefusedError
from measurement_console.pages.page import Arguments


def chosen_by(arguments: Arguments) -> RecordFilter:
    """Return the filter that a page's arguments mean.

    Raises:
        RefusedError: The filter is not written as the page says.
    """
    try:
        return make_filter(
            name=arguments.get("name") or None,
            since=arguments.get("since") or None,
            where=arguments.get("where", "").split() or None,
        )
    except InvalidArgumentError as error:
        raise RefusedError(400, str(error)) from error
