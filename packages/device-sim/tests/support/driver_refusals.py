"""Check NI-DCPower's errors by the codes that its clients use."""

from __future__ import annotations

from collections.abc import Callable

import nidcpower
import pytest

WAIT_TIMEOUT = -1074116059
FETCH_TIMEOUT = -1074097933
INVALID_VALUE = -1074135024


def refused(code: int, action: Callable[[], object]) -> None:
    """Check that the driver answers `action` with this error code."""
    with pytest.raises(nidcpower.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
