"""Read the records of logs."""

from json_logger_client.records.following import DiskTail

__all__ = ["DiskTail"]
