"""P11 with a synchronous standby: what the store confirmed survives the loss of its primary."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from logger_process import LoggerProcess
from postgres_server import Binaries, PostgresServer
from store_database import STATION, StoreDatabase, lines_in
from store_logs import until


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """Run a standby; its primary confirms only what the standby has, too."""
    binaries, version = primary.binaries, primary.version
    data = binaries.new_folder() / "data"
    source = f"host=127.0.0.1 port={primary.port} user=postgres application_name=standby"
    options = ["--write-recovery-conf", "--checkpoint=fast", "-D", str(data), "-d", source]
    binaries.run("pg_basebackup", version, *options)
    with PostgresServer(binaries, version, data=data) as standby:
        with primary.connected() as connection:
            connection.execute("alter system set synchronous_standby_names = 'standby'")
            connection.execute("select pg_reload_conf()")
        query = "select count(*) from pg_stat_replication where sync_state = 'sync'"
        until("the standby is in step", lambda: primary.value(query) == 1)
        yield standby


def test_a_promoted_standby_has_everything_that_was_confirmed(
    binaries: Binaries, tmp_path: Path
) -> None:
    with PostgresServer(binaries) as primary:
        database = StoreDatabase(primary)
        with standby_of(primary) as standby:
            promote = ["promote", "-D", str(standby.data)]
            ports = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
            url = f"postgresql://{STATION}@{ports}/{database.name}?target_session_attrs=read-write"
            promoted = StoreDatabase.of_existing(standby, database.name)
            with LoggerProcess(tmp_path, f"--store={url}", f"--station={STATION}") as logger:
                with logger.client("a.ndjson") as log:
                    for number in range(500):
                        log.log_data("voltage", {}, {"v": number})
                    database.await_count(1)
                    confirmed = database.count()
                    primary.kill()
                    began = time.monotonic()
                    log.log_data("voltage", {}, {"v": "while nobody stores"})
                    assert promoted.count() >= confirmed
                    binaries.run("pg_ctl", standby.version, *promote)
                    promoted.await_count(501)
                    print(f"records are stored again after {time.monotonic() - began:.1f} s")
                    primary.start()  # it comes back by mistake
                    for number in range(100):
                        log.log_data("voltage", {}, {"v": number})
                    promoted.await_count(601)
                    assert database.count() <= 501  # the old primary confirms nothing new
                assert logger.terminate() == 0
            assert promoted.lines() == lines_in(tmp_path / "a.ndjson")
