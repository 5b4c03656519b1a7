"""Write docs/reference/sequence-descriptions.md from the keys that the code knows.

python -m description_page [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from platform_sim.sequence import description_keys as keys
from platform_sim.sequence.description import TYPE_NAMES

PAGE = Path(__file__).resolve().parents[4] / "docs" / "reference" / "sequence-descriptions.md"
COMMAND = "python3 noxfile.py -s pages"

_HEAD = """\
# Descriptions of sequences

A description is a TOML file from which `platform-sim sequence build F.toml` builds a TestStand
sequence file. `platform-sim new sequence DIR --plugin CLASS` writes one from the metadata of
plug-ins. [Sequences](../sequences.md#descriptions) shows how to work with them. This page lists all
keys; other keys are errors. It is made from the code.

An *expression* is a text with a TestStand expression: `'6'` is a number, `'"Pin1"'` a string,
`'{1, 2}'` an array, `'Locals.Value'` a variable.
"""

_SECTIONS = (
    ("The file", "", keys.FILE),
    ("Python of code modules", "The keys of `python`.", keys.PYTHON),
    (
        "Every step",
        "A step with only these keys calls nothing. Its expressions are evaluated.",
        (*keys.STEP, *keys.FLOW),
    ),
    ("A step that loads a pin map", "", keys.CALLS["pin_map"]),
    ("A step that calls a code module", "", keys.CALLS["module"]),
    ("A step that measures", "", keys.CALLS["measurement"]),
    ("An input or output", "", keys.PARAMETER),
    (
        "Limits of an output",
        "A step with limits passes if every value is within them. It has no `status_expression`.",
        keys.LIMITS,
    ),
)


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_sections()])


def _sections() -> Iterator[str]:
    for title, text, group in _SECTIONS:
        yield f"## {title}\n"
        if text:
            yield f"{text}\n"
        yield "| key | value | meaning |\n|---|---|---|"
        for key in group:
            must = " **Must be there.**" if key.needed else ""
            yield f"| `{key.name}` | {key.kind} | {key.meaning}{must} |"
        yield ""
        if group is keys.PARAMETER:
            types = ", ".join(f"`{name}`" for name in TYPE_NAMES.values())
            yield f"Types are {types}.\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE} differs from the code. Run: {COMMAND}")
