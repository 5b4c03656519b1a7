"""Check a station, and report in plain words everything that prevents logging."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import grpc
from json_logger_client.locating import LOGGER
from session_sharing.cli.doctor import (
    PROBE_SECONDS,
    Finding,
    Verdict,
    descriptors,
    discovery,
    environment,
    loopback,
    running_server,
    versions,
)
from session_sharing.client import ConnectOptions, SessionSharingError, connect
from session_sharing.v1 import lifecycle_pb2

_LITTLE_SPACE = 1 << 30


def examine(state_file: Path, roots: tuple[Path, ...]) -> Iterator[Finding]:
    """Do all checks, and yield their results, the most basic ones first.

    Args:
        state_file: State file that a server of this user would write.
        roots: Folders for logs.
    """
    yield versions(("json-logger-server", "session-sharing", "grpcio", "protobuf"))
    yield descriptors()
    yield loopback()
    for root in roots:
        yield _log_root(root)
    yield environment(LOGGER)
    server = running_server(state_file, LOGGER)
    yield server
    if server.verdict is Verdict.OK:
        yield from _store(state_file)
    yield discovery(LOGGER)


def _log_root(root: Path) -> Finding:
    subject = f"log folder {root}"
    if not os.access(root, os.W_OK):
        text = "You may not write in this folder; choose another --log-root."
        return Finding(subject, Verdict.WRONG, text)
    free = shutil.disk_usage(root).free
    if free < _LITTLE_SPACE:
        text = f"Only {free >> 20} MiB are free. Free some space, or choose another --log-root."
        return Finding(subject, Verdict.NOTE, text)
    return Finding(subject, Verdict.OK, f"writable, {free >> 30} GiB free")


def _store(state_file: Path) -> Iterator[Finding]:
    """Report how a running server copies its logs to a store, if it does."""
    try:
        options = replace(ConnectOptions.from_state_file(state_file), presence=False)
        with connect(options, PROBE_SECONDS) as connection:
            request = lifecycle_pb2.GetServerInfoRequest()
            info = connection.lifecycle.GetServerInfo(request, timeout=PROBE_SECONDS)
    except (SessionSharingError, grpc.RpcError):
        return  # the server has just stopped
    if "store_records" in info.counters:
        yield _copying(info.counters)


def _copying(counters: Mapping[str, float]) -> Finding:
    lag, away = counters["store_lag_seconds"], counters["store_away_seconds"]
    refused, parked = int(counters["store_refused_logs"]), int(counters["store_parked"])
    said, verdict = [], Verdict.OK
    if away:
        said.append(
            f"It has been away for {away:.0f} s; the server's own messages say why. Records stay "
            "in their files, and are copied later."
        )
    if refused:
        logs = "1 log is" if refused == 1 else f"{refused} logs are"
        said.append(f"{logs} refused; the server's own messages say why.")
    if away or refused:
        verdict = Verdict.WRONG
    elif parked:
        verdict = Verdict.NOTE
    if parked:
        said.append(
            f"It keeps {parked} records as bytes, because it refuses their lines; `json-logger "
            "store status` says why."
        )
    outages = int(counters["store_outages"])
    said.append(f"Records reach it {lag:.1f} s late. It went away {outages} times.")
    return Finding("store", verdict, " ".join(said))
