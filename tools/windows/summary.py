"""Writes what ran: a table for the terminal and Markdown, and every outcome as JSON."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from comparison import Names, comparison
from promises import promise_table
from suites import AGAIN, Outcome

KINDS = ("passed", "failed", "skipped")


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the counts of every package, and of all, as a Markdown table."""
    packages = sorted({outcome.package for outcome in outcomes})
    lines = ["| package | passed | failed | skipped | |", "|---|---|---|---|---|"]
    for package in [*packages, None]:
        count = Counter(o.outcome for o in outcomes if package in (o.package, None))
        cells = [package or "all", *(str(count[kind]) for kind in KINDS)]
        lines.append(f"| {' | '.join(cells)} | {count['skipped'] / count.total():.1%} |")
    return "\n".join(lines)


def skip_reasons(outcomes: Sequence[Outcome]) -> str:
    """Return how many tests were skipped for each reason, as a Markdown table."""
    count = Counter(o.why for o in outcomes if o.outcome == "skipped")
    lines = ["| why skipped | tests |", "|---|---|"]
    lines += [f"| {why} | {number} |" for why, number in count.most_common()]
    return "\n".join(lines)


def _lines(outcomes: Iterable[Outcome]) -> str:
    return "\n".join(f"- {o.package}: {o.test}" for o in outcomes)


def write_summary(
    outcomes: Sequence[Outcome], where: str, folder: Path, elsewhere: Mapping[str, Names]
) -> str:
    """Write summary.md and outcomes.json into a folder, and return the text of the former.

    Args:
        outcomes: Of every test.
        where: The system and the Python that ran them.
        folder: Is made if it is missing.
        elsewhere: The tests of each package that passed on this machine's own Python; may be empty.
    """
    parts = [f"Tests on {where}", table(outcomes), promise_table(outcomes)]
    if any(outcome.outcome == "skipped" for outcome in outcomes):
        parts.append(skip_reasons(outcomes))
    if elsewhere:
        parts.append(comparison(outcomes, elsewhere, platform.system()))
    if again := [o for o in outcomes if o.outcome == "passed" and o.why.startswith(AGAIN)]:
        parts += [
            f"{len(again)} of those that passed had failed, and passed when they ran again, alone:",
            _lines(again),
        ]
    if failed := [o for o in outcomes if o.outcome == "failed"]:
        parts += ["Failed:", _lines(failed)]
    text = "\n\n".join(parts) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.md").write_text(text, encoding="utf-8")
    entries = [asdict(outcome) for outcome in outcomes]
    content = json.dumps({"where": where, "outcomes": entries}, indent=1)
    (folder / "outcomes.json").write_text(content, encoding="utf-8")
    return text
