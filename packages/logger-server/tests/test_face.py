"""Users can import everything that they need of the logger's server from `json_logger_server`."""

from __future__ import annotations

import json_logger_server


def test_a_program_with_its_own_logger_needs_no_inner_module() -> None:
    assert {getattr(json_logger_server, name).__name__ for name in json_logger_server.__all__} == {
        *json_logger_server.__all__
    }
