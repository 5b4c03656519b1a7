"""P11 for waveforms: a record in the store has its samples, and read_log restores them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from json_logger_client import read_log
from json_logger_client.records import DamagedWaveformError, Waveform
from json_logger_server.store import Forwarder, StoreOptions, parse_address
from logger_process import LoggerProcess
from numpy.typing import NDArray
from store_database import STATION, StoreDatabase, lines_in
from store_logs import copy_all, until
from waveforms import waveforms_in

LONG = 4_000


def wave(number: int, size: int = 500) -> NDArray[np.float64]:
    return np.sin(np.arange(size) * 0.01 + number)


def write_waves(folder: Path, *sizes: int) -> Path:
    """Write a log with waveforms by a real logger; return its path."""
    with LoggerProcess(folder) as logger:
        with logger.client("a.ndjson") as log:
            for number, size in enumerate(sizes):
                log.log_data("wave", {}, {"v": wave(number, size), "n": number})
        assert logger.terminate() == 0
    return folder / "a.ndjson"


def copy_up_to(folder: Path, database: StoreDatabase, longest: int) -> None:
    """Copy the logs of a folder with the waveforms up to so many bytes."""
    address = parse_address(database.url())
    forwarder = Forwarder(StoreOptions(address, STATION, longest), (folder,))
    forwarder.start()
    figures = forwarder.figures
    until("everything is copied", lambda: figures.searches > 0 and not figures.waiting_logs)
    forwarder.stop(5.0)


def verify(database: StoreDatabase, folder: Path, code: int = 0) -> dict[str, object]:
    command = [sys.executable, "-m", "json_logger_server", "store", "verify", "--json"]
    options = [f"--store={database.url()}", f"--station={STATION}", f"--log-root={folder}"]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120)
    assert ended.returncode == code, ended.stderr
    (found,) = json.loads(ended.stdout)
    return dict(found)


def without_samples(database: StoreDatabase) -> int:
    """Return the number of records that are in the store before their samples."""
    return int(
        database.query(
            "select count(*) from json_logger.record r where "
            "r.line -> 'measurement_outputs' -> 'v' -> '$waveform' is not null and not exists ("
            "select from json_logger.waveform w where w.log = r.log and w.start = "
            "(r.line #>> '{measurement_outputs,v,$waveform,offset}')::bigint)"
        )[0][0]
    )


def test_the_samples_come_back_from_the_store_alone(
    database: StoreDatabase, tmp_path: Path
) -> None:
    path = write_waves(tmp_path, 300, 1, LONG, 50_000)  # 400,000 bytes are two chunks
    copy_all(tmp_path, database.url())
    assert verify(database, tmp_path)["waveforms"] == 3
    of_file = waveforms_in(path)
    path.with_suffix(".waveforms").unlink()
    values = [record.measurement_outputs["v"] for record in read_log(database.url("postgres"))]
    found = [value.samples() for value in values if isinstance(value, Waveform)]
    assert len(found) == 3
    assert all(map(np.array_equal, found, of_file))


def test_a_long_waveform_stays_in_the_file_of_its_station(
    database: StoreDatabase, tmp_path: Path
) -> None:
    write_waves(tmp_path, 300, LONG)
    copy_up_to(tmp_path, database, 300 * 8)
    found = verify(database, tmp_path)
    assert (found["waveforms"], found["other_waveforms"], found["is_equal"]) == (1, 1, True)
    short, long = (one.measurement_outputs["v"] for one in read_log(database.url("postgres")))
    assert np.array_equal(short.samples(), wave(0, 300))
    with pytest.raises(DamagedWaveformError, match=f"{STATION}/a.ndjson"):
        long.samples()


def test_nothing_is_copied_when_waveforms_are_not_wanted(
    database: StoreDatabase, tmp_path: Path
) -> None:
    path = write_waves(tmp_path, 300)
    copy_up_to(tmp_path, database, 0)
    assert database.lines() == lines_in(path)
    assert database.query("select count(*) from json_logger.waveform") == [(0,)]


def test_verify_finds_samples_that_differ(database: StoreDatabase, tmp_path: Path) -> None:
    write_waves(tmp_path, 300, 400)
    copy_all(tmp_path, database.url())
    database.query(
        "update json_logger.waveform set data = set_byte(data, 5, 77) where start > 2000"
    )
    found = verify(database, tmp_path, code=1)
    assert "samples at byte" in str(found["problem"])
    _, second = (one.measurement_outputs["v"] for one in read_log(database.url("postgres")))
    with pytest.raises(DamagedWaveformError, match="check sums differ"):
        second.samples()


def test_a_missing_file_of_waveforms_stops_no_record(
    database: StoreDatabase, tmp_path: Path
) -> None:
    path = write_waves(tmp_path, 300)
    path.with_suffix(".waveforms").unlink()
    copy_all(tmp_path, database.url())
    assert database.lines() == lines_in(path)


def test_another_role_cannot_store_waveforms_of_a_log(
    database: StoreDatabase, tmp_path: Path
) -> None:
    write_waves(tmp_path, 300)
    copy_all(tmp_path, database.url())
    database.query("drop role if exists stranger")
    database.query("create role stranger login in role json_logger_station")
    with pytest.raises(Exception, match="role stranger has no log"):
        database.query(
            "select json_logger.store_waveforms(1, 1, '{64}', '{0}', '{\\\\x00}')", role="stranger"
        )
    with pytest.raises(Exception, match="permission denied"):
        database.query("select * from json_logger.waveform", role=STATION)


def test_prune_removes_the_samples_with_their_log(database: StoreDatabase, tmp_path: Path) -> None:
    write_waves(tmp_path, *[300] * 250)
    copy_all(tmp_path, database.url())
    database.query("update json_logger.log set closed = now() - interval '9 days'")
    command = [sys.executable, "-m", "json_logger_server", "store", "prune", "--older-than=1"]
    subprocess.run([*command, f"--store={database.url('postgres')}"], check=True, timeout=120)
    assert database.query("select count(*) from json_logger.waveform") == [(0,)]
    assert database.count() == 0


def test_no_record_comes_before_its_samples_while_loggers_are_killed_and_logs_rotate(
    database: StoreDatabase, tmp_path: Path
) -> None:
    written = 0
    for _ in range(6):
        with LoggerProcess(tmp_path, *database.options(), "--rotate-size=30000") as logger:
            with logger.client("a.ndjson") as log:
                for _ in range(40):
                    log.log_data("wave", {}, {"v": wave(written)})
                    written += 1
                    if written % 10 == 0:
                        assert without_samples(database) == 0
            logger.kill()
    copy_all(tmp_path, database.url())
    assert without_samples(database) == 0
    found = [one.measurement_outputs["v"].samples() for one in read_log(database.url("postgres"))]
    assert len(found) == written
    assert all(np.array_equal(one, wave(number)) for number, one in enumerate(found))
