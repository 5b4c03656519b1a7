"""A program that reads no store needs no psycopg; one that reads a store is told what to install.

The tests of reading a real store are those of the server, which fills it.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from json_logger_client import read_log
from json_logger_client.records import to_pandas

URL = "postgresql://reader@127.0.0.1/records"


def test_records_are_imported_without_psycopg() -> None:
    program = "import sys, json_logger_client.records; print('psycopg' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout.split() == [b"False"]


@pytest.mark.parametrize("read", [read_log, to_pandas])
def test_without_psycopg_the_extra_is_named(read: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImportError, match=r"pip install 'json-logger-client\[postgresql\]'"):
        read(URL)  # type: ignore[operator]
