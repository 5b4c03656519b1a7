"""A session of NI-Digital with a pin map, sheets and patterns in the test's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nidigital
import pytest
from digital_files import NON_RETURN, levels, pin_map, specifications, timing

CONNECTIONS = {
    "A site 0": "DIG1/0",
    "A site 1": "DIG2/0",
    "B site 0": "DIG1/1",
    "B site 1": "DIG2/1",
    "C site 0": "DIG1/2",
    "C site 1": "DIG2/2",
    "S": "DIG1/3",
}
"""Two sites on two instruments, and a system pin."""

Put = Callable[[str, str], str]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Return a function that writes a file and returns its path for the driver."""

    def write(name: str, content: str) -> str:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def mapped(open_digital: Callable[..., nidigital.Session], put: Put) -> nidigital.Session:
    """Return a session with the pin map."""
    session = open_digital("DIG1,DIG2")
    groups = {"AB": ["A", "B"], "All": ["AB", "C"]}
    session.load_pin_map(put("pins.pinmap", pin_map(CONNECTIONS, groups, system=["S"])))
    return session


@pytest.fixture
def timed(mapped: nidigital.Session, put: Put) -> nidigital.Session:
    """Return a session with the pin map, and with levels and timing applied."""
    edges = NON_RETURN.format(off="AC.Period", strobe="AC.Period * 0.75")
    mapped.load_specifications_levels_and_timing(
        put("specs.specs", specifications({"AC.Period": "1 µs"})),
        put(
            "low.digilevels",
            levels({"All": {"Vil": "0", "Vih": "1.8 V", "TerminationMode": "HighZ"}}),
        ),
        put("slow.digitiming", timing({"t0": ("AC.Period", {"All": edges})})),
    )
    mapped.apply_levels_and_timing("low", "slow")
    return mapped
