"""The files and commands in README and tutorial work as they are written."""

from __future__ import annotations

import re

from capabilities import needs_shell
from page_commands import Page, workplace

pytestmark = needs_shell

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def test_the_plugin_of_the_tutorial_runs_and_shows_what_the_tutorial_shows():
    page = Page("docs/tutorial.md")
    with workplace() as place:
        place.write(page.files())
        printed = place.type(page.commands("4. Run it"))
    assert TIMESTAMP.sub("", printed) == TIMESTAMP.sub("", page.blocks("4. Run it", "text"))


def test_the_test_of_the_tutorial_passes():
    page = Page("docs/tutorial.md")
    with workplace() as place:
        place.write(page.files())
        assert "1 passed" in place.type(page.commands("5. Test it"))


def test_the_readmes_commands_by_hand_measure_and_log():
    with workplace() as place:
        printed = place.type(Page("README.md").commands("By hand"))
    assert "ni.examples.NIDmmMeasurementWithLogger" in printed
    assert re.search(r"^measured_value +\d", printed, re.M)
    records = re.findall(rf"^ +(\d)  {TIMESTAMP.pattern}  NI-(\w+)", printed, re.M)
    assert records == [("1", "DMM"), ("2", "DCPower"), ("3", "DMM")]
