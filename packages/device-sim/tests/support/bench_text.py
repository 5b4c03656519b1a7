"""Write the tables of a bench file."""

from __future__ import annotations


def part(name: str, kind: str, a: str, b: str, **values: float) -> str:
    """Return the table of a part."""
    lines = [f'name = "{name}"', f'kind = "{kind}"', f'a = "{a}"', f'b = "{b}"']
    lines += [f"{key} = {value}" for key, value in values.items()]
    return "\n".join(["[[part]]", *lines, ""])


def channel(name: str, hi: str, lo: str = "GND") -> str:
    """Return the table of a connection."""
    return f'[[connect]]\nchannel = "{name}"\nhi = "{hi}"\nlo = "{lo}"\n'
