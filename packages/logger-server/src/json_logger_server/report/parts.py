"""Pieces of HTML: tables, shares with a bar, numbers for people."""

from __future__ import annotations

import html
from collections.abc import Sequence

from json_logger_server.report.results import Bounds, Count

COLORS = ("#2563eb", "#d97706", "#059669", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f", "#92400e")
"""Colors of places, such as sites."""
BAD = "#dc2626"
"""Color of what is outside its limits, and of limits."""
_TEXT_CELL = ' class="text"'
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; background: #f3f4f6; margin: 0; }
main { max-width: 1200px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 0 0 12px; overflow-wrap: anywhere; }
h3 { font-size: 15px; margin: 20px 0 6px; color: #374151; }
p.facts { color: #6b7280; margin: 0 0 20px; }
section { background: #fff; border: 1px solid #e5e7eb; border-radius: 8px; padding: 20px;
  margin-bottom: 20px; }
.wide { overflow-x: auto; margin-bottom: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid #e5e7eb;
  white-space: nowrap; }
th { color: #6b7280; font-weight: 600; }
th.text, td.text { text-align: left; white-space: normal; overflow-wrap: break-word; }
td.bad { color: #b91c1c; font-weight: 600; }
td.bar { width: 30%; }
.track { background: #e5e7eb; border-radius: 3px; height: 8px; overflow: hidden; display: flex; }
.track i { display: block; height: 8px; background: #059669; }
.track i.bad { background: #dc2626; }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 0 0 16px; padding: 0; }
.cards div { flex: 1 1 150px; border: 1px solid #e5e7eb; border-radius: 8px; padding: 10px 14px; }
.cards b { display: block; font-size: 24px; font-weight: 600; line-height: 1.3;
  font-variant-numeric: tabular-nums; }
.cards span { color: #6b7280; font-size: 13px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 12px; }
@media (max-width: 900px) { .pair { grid-template-columns: 1fr; } }
.pair > div { min-width: 0; overflow: hidden; }
p.left { color: #92400e; background: #fef3c7; border-radius: 6px; padding: 6px 12px; }
nav a { color: #2563eb; margin-right: 14px; display: inline-block; }
"""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 record``, ``2 records``."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def percent(share: float | None) -> str:
    """Return a part as percent. What is not all is never shown as 100 %."""
    if share is None:
        return ""
    shown = f"{100 * share:.1f}"
    if share < 1 and shown == "100.0":
        return "> 99.9 %"
    return f"{shown} %"


def number(value: float | None) -> str:
    """Return a number with six digits; an empty text for None."""
    return "" if value is None else f"{value:.6g}"


def limits_text(bounds: Bounds) -> str:
    """Return limits for people: ``4.9 to 5.1``."""
    low, high = number(bounds.low), number(bounds.high)
    if not low:
        return f"at most {high}"
    return f"{low} to {high}" if high else f"at least {low}"


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], texts: int, bad: Sequence[str] = ()
) -> str:
    """Return a table without its empty columns.

    Args:
        head: Names of the columns.
        rows: The cells.
        texts: Number of columns, from the first, that are texts.
        bad: Names of columns whose numbers other than 0 are emphasized.
    """
    used = [index for index in range(len(head)) if any(row[index] for row in rows)]

    def cell(index: int, text: str, tag: str) -> str:
        is_bad = tag == "td" and head[index] in bad and text not in ("", "0")
        kind = _TEXT_CELL if index < texts else ' class="bad"' if is_bad else ""
        return f"<{tag}{kind}>{html.escape(text)}</{tag}>"

    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(cell(index, cells[index], tag) for index in used)

    if not rows:
        return ""
    body = "".join(row(cells, "td") for cells in rows)
    return f'<div class="wide"><table>{row(head, "th")}{body}</table></div>'


def yield_table(what: str, unit: str, counts: Sequence[tuple[str, Count]]) -> str:
    """Return a table of yields with a bar for each.

    Args:
        what: Name of the first column, such as ``site``.
        unit: Name of the counted things, such as ``records``.
        counts: The counts by name.
    """
    rows = []
    for name, count in counts:
        share = 100 * (count.share or 0.0)
        rows.append(
            f'<tr><td class="text">{html.escape(name)}</td><td>{count.total:,}</td>'
            f"<td>{count.passed:,}</td>"
            f"<td{' class=bad' if count.failed else ''}>{count.failed:,}</td>"
            f"<td>{percent(count.share)}</td>"
            f'<td class="bar"><span class="track"><i style="width:{share:.2f}%"></i>'
            f'<i class="bad" style="width:{100 - share:.2f}%"></i></span></td></tr>'
        )
    head = "".join(f"<th>{name}</th>" for name in (unit, "passed", "failed", "yield", ""))
    return (
        f'<div class="wide"><table><tr><th class="text">{what}</th>{head}</tr>'
        f"{''.join(rows)}</table></div>"
    )
