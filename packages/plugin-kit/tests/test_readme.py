"""The code that the README prints works: its plug-in is served and called."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from plain_discovery import PlainDiscovery, environment
from plugin_processes import served

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NAMED_FILE = re.compile(r"^```(?:python|json)\n(?:#|//) (\S+)\n(.*?)^```$", re.M | re.S)
CALLING = re.compile(
    r"^```python\n(from plugin_kit.calling import MeasurementPlugin\n.*?)^```$", re.M | re.S
)


def test_the_plugin_of_the_readme_is_hosted_and_called(
    discovery: PlainDiscovery, tmp_path: Path
) -> None:
    for name, content in NAMED_FILE.findall(README):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    (calling,) = CALLING.findall(README)

    with served(discovery.program("waiting_plugin"), environment(tmp_path), "example.Waiting"):
        printed = subprocess.check_output(
            [sys.executable, "-c", f"ADDRESS = {discovery.address!r}\n{calling}"], text=True
        )

    assert printed.splitlines() == ["seconds double 0.1", "{'waited': 0.2}"]
