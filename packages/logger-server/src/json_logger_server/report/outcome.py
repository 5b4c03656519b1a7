"""The first section of a report's page: yield, failures by step and limit, sites, stations."""

from __future__ import annotations

import html

from json_logger_server.report.parts import (
    counted,
    limits_text,
    percent,
    table,
    yield_table,
)
from json_logger_server.report.results import STATUSES, Bounds, Limit, LimitResults, Results

_MOST_FAILURES = 30
_MOST_BOUNDS = 3
_MOST_PLACES = 50


def outcome_section(results: Results) -> str:
    """Return the section; an empty text if no record has a result."""
    if results.is_empty:
        return ""
    parts = [_cards(results), _failures(results)]
    if results.sites:
        parts.append(f"<h3>By site</h3>{_by_place('site', results)}")
    if results.stations:
        parts.append(f"<h3>By station</h3>{_by_place('station', results)}")
    return f'<section id="results"><h2>Results</h2>{"".join(parts)}</section>'


def _cards(results: Results) -> str:
    cards = []
    if results.uuts:
        final, first = results.final(), results.first_pass()
        cards += [
            (percent(final.share), f"yield: {final.passed:,} of {counted(final.total, 'unit')}"),
            (percent(first.share), "first pass yield"),
        ]
    judged = results.records.total()
    for status in STATUSES:
        count = results.records[status]
        if count or status in ("passed", "failed"):
            cards.append((f"{count:,}", f"{status}, of {counted(judged, 'record')}"))
    body = "".join(f"<div><b>{value}</b><span>{text}</span></div>" for value, text in cards)
    return f'<div class="cards">{body}</div>'


def _failures(results: Results) -> str:
    failures = [*results.failures()]
    others = [*results.others.most_common()]
    if not failures and not others:
        return ""
    rows = [_failure_row(*one) for one in failures[:_MOST_FAILURES]]
    rows += [
        [step or name, f"status {status}", "", "", f"{count:,}", ""]
        for (name, step, status), count in others[:_MOST_FAILURES]
    ]
    left = max(0, len(failures) - _MOST_FAILURES) + max(0, len(others) - _MOST_FAILURES)
    more = f"<p>And {counted(left, 'other limit')} with fewer failures.</p>" if left else ""
    head = ("step", "output", "limits", "checked", "failed", "share")
    return f"<h3>Failures by step and limit</h3>{table(head, rows, 3, bad=('failed',))}{more}"


def _failure_row(limit: Limit, found: LimitResults) -> list[str]:
    count = found.count
    share = None if count.share is None else 1 - count.share
    output = f"{limit.output} ({limit.unit})" if limit.unit else limit.output
    return [
        limit.step or limit.measurement,
        output,
        _all_limits([bounds for bounds, _ in found.bounds.most_common()]),
        f"{count.total:,}",
        f"{count.failed:,}",
        percent(share),
    ]


def _all_limits(bounds: list[Bounds]) -> str:
    shown = [limits_text(one) for one in bounds[:_MOST_BOUNDS]]
    if len(bounds) > _MOST_BOUNDS:
        shown.append("…")
    return " · ".join(shown)


def _by_place(what: str, results: Results) -> str:
    counts = results.sites if what == "site" else results.stations
    names = sorted(counts, key=_natural)
    unit = "results" if what == "site" else "records"
    shown = [(name, counts[name]) for name in names[:_MOST_PLACES]]
    more = len(names) - len(shown)
    text = f"<p>And {counted(more, f'other {what}')}.</p>" if more > 0 else ""
    return yield_table(html.escape(what), unit, shown) + text


def _natural(name: str) -> tuple[bool, int, str]:
    """Return a key that sorts numbers by value, before texts."""
    return (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)
