"""P1: records that `durable` acknowledges are on the disk, and so is the name of their file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from capabilities import SYNCS_FOLDERS
from json_logger_server.json_log import Durability
from logger_thread import FaultyDisk, LoggerThread
from open_files import name_of


@pytest.mark.parametrize("was_there", [False, True])
def test_file_and_folder_are_synced_before_the_first_record_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    """A test cannot cut the power. It checks that the server asks the system to sync."""
    log_file = tmp_path / "a.ndjson"
    if was_there:
        log_file.touch()
    synced: list[Path] = []

    def note_and(sync: object) -> object:
        def call(handle: int) -> None:
            synced.append(name_of(handle))
            sync(handle)  # type: ignore[operator]

        return call

    for name in ("fsync", "fdatasync"):
        if hasattr(os, name):
            monkeypatch.setattr(os, name, note_and(getattr(os, name)))
    with (
        LoggerThread(tmp_path, FaultyDisk(), Durability.DURABLE) as logger,
        logger.client("a.ndjson") as log,
    ):
        log.log_data("m", {}, {})
        assert synced == ([tmp_path, log_file] if SYNCS_FOLDERS else [log_file])
