"""Benches whose instruments have no deviations, so that readings agree with closed forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from exact_bench import EXACT


@pytest.fixture
def bench(request: pytest.FixtureRequest, bench_file: Callable[[str], Path]) -> Path:
    return bench_file(request.param + EXACT)
