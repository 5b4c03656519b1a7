"""Check every link between the project's Markdown pages.

    python tools/check_links.py

This looks for the files and headings of relative links, and prints the links whose target is
missing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
_PAGES = (
    "*.md",
    ".github/actions/*/*.md",
    "deploy/**/*.md",
    "docs/**/*.md",
    "packages/*/*.md",
    "teststand/*.md",
)
_ELSEWHERE = re.compile(r"[a-z]+:")
_NOT_IN_AN_ANCHOR = re.compile(r"[^\w\- ]")


def main() -> int:
    """Print the links whose target is missing, and return the exit code."""
    pages = [page for pattern in _PAGES for page in sorted(ROOT.glob(pattern))]
    broken = [line for page in pages for line in broken_links(page)]
    for line in broken:
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if broken else 0


def broken_links(page: Path) -> Iterator[str]:
    """Describe each link of a page whose target does not exist."""
    for link in _links(page):
        if _ELSEWHERE.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield f"{page.relative_to(ROOT)}: the target of the link {link} does not exist"


def _links(page: Path) -> Iterator[str]:
    for block in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        for token in block.children or ():
            link = token.attrGet("href") or token.attrGet("src")
            if link is not None:
                yield str(link)


@cache
def _anchors(page: Path) -> frozenset[str]:
    """Return the anchors that GitHub makes for the headings of a page."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    headings = (
        tokens[index + 1].content for index, t in enumerate(tokens) if t.type == "heading_open"
    )
    return frozenset(_NOT_IN_AN_ANCHOR.sub("", h.lower()).replace(" ", "-") for h in headings)


if __name__ == "__main__":
    sys.exit(main())
