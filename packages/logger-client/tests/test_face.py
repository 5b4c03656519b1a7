"""Users can import everything that they need of the logger's client from `json_logger_client`."""

from __future__ import annotations

import json_logger_client
from session_sharing.client import errors as of_clients
from session_sharing.core import errors as of_servers


def test_every_error_that_a_logger_may_raise_is_exported() -> None:
    raised = {
        name
        for module in (of_clients, of_servers)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, of_servers.SessionSharingError)
    }
    assert raised <= set(json_logger_client.__all__)
