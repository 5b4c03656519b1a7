"""The JSON Schema of a record, for every program that reads or writes logs."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

__all__ = ["RECORD_SCHEMA_VERSION", "record_schema"]

RECORD_SCHEMA_VERSION = "1.0"
"""Version of the schema, also in its `$id`. A new optional key changes the second number."""


def record_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) that every record of a log fulfils."""
    text = files("json_logger_proto").joinpath("record.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
