"""`platform-sim up --console` runs the console, which finds that platform and ends with it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from platform_process import running_platform, wait_until


@pytest.mark.parametrize("mode", ["observe", "control"])
def test_the_platform_brings_its_console(tmp_path: Path, mode: str) -> None:
    with running_platform(tmp_path, f"--console={mode}") as platform:
        assert platform.process.stdout is not None
        lines = iter(platform.process.stdout.readline, "")
        link = next(filter(None, (re.search(r"http://\S+/enter\?token=\S+", one) for one in lines)))
        with httpx.Client(timeout=30, trust_env=False) as browser:
            assert browser.get(link[0]).status_code == 200
            address = link[0].partition("/enter")[0]
            found = platform.state.discovery_address
            wait_until(lambda: f"runs at {found}" in browser.get(f"{address}/now").text)
            is_read_only = "Read-only" in browser.get(f"{address}/now").text
            assert is_read_only == (mode == "observe")
            assert platform.stop() == 0
            with pytest.raises(httpx.TransportError):
                browser.get(f"{address}/alive")
