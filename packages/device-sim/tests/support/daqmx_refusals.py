"""Check NI-DAQmx's errors by the names that its clients use."""

from __future__ import annotations

from collections.abc import Callable

import nidaqmx
import pytest
from nidaqmx.error_codes import DAQmxErrors


def refused(error: DAQmxErrors, action: Callable[[], object]) -> nidaqmx.errors.DaqError:
    """Check that the driver answers `action` with an error. Return it."""
    with pytest.raises(nidaqmx.errors.DaqError) as caught:
        action()
    assert caught.value.error_code == error.value, str(caught.value)
    return caught.value
