"""A real resource takes fewer than 60 lines of its own beside session-sharing."""

from __future__ import annotations

import pytest
from example_resources import lines_of_its_own
from processes import EXAMPLES


@pytest.mark.parametrize("example", ["scpi", "sql", "stream"])
def test_a_resource_with_calls_of_its_own_is_short(example: str) -> None:
    assert lines_of_its_own(example) < 60


@pytest.mark.parametrize("example", ["hardware_lock.py", "power_output.py"])
def test_a_resource_without_calls_is_short(example: str) -> None:
    assert sum(bool(text.strip()) for text in (EXAMPLES / example).read_text().splitlines()) < 60
