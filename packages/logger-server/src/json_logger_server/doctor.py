"""Check a station, and report in plain words everything that prevents logging."""

from __future__ import annotations

import enum
import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import grpc
from json_logger_client import locate_logger
from json_logger_proto.names import TARGET_VARIABLE, TOKEN_FILE_VARIABLE
from session_sharing.client import ConnectOptions, SessionSharingError, connect
from session_sharing.server import raise_descriptor_limit
from session_sharing.v1 import lifecycle_pb2

_FEW_DESCRIPTORS = 4096
_LITTLE_SPACE = 1 << 30
_PROBE_SECONDS = 3.0


class Verdict(enum.Enum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    subject: str
    verdict: Verdict
    text: str
    """What was found, and what to do about it."""


def examine(state_file: Path, roots: tuple[Path, ...]) -> Iterator[Finding]:
    """Do all checks, and yield their results, the most basic ones first.

    Args:
        state_file: State file that a server of this user would write.
        roots: Folders for logs.
    """
    yield _versions()
    yield _descriptors()
    yield _loopback()
    for root in roots:
        yield _log_root(root)
    yield _environment()
    server = _running_server(state_file)
    yield server
    if server.verdict is Verdict.OK:
        yield from _store(state_file)
    yield _discovery()


def _versions() -> Finding:
    names = ("json-logger-server", "session-sharing", "grpcio", "protobuf")
    found = ", ".join(f"{name} {version(name)}" for name in names)
    return Finding("versions", Verdict.OK, f"Python {platform.python_version()}, {found}")


def _descriptors() -> Finding:
    limit = raise_descriptor_limit()
    if limit < _FEW_DESCRIPTORS:
        text = (
            f"A process may open only {limit} files at once. If you need many sessions, raise the "
            "hard limit."
        )
        return Finding("file descriptors", Verdict.NOTE, text)
    return Finding("file descriptors", Verdict.OK, f"a process may open {limit} files at once")


def _loopback() -> Finding:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        text = (
            "IPv6 is off. The logger does not need it. NI's SDK binds [::1], so plug-ins then "
            "need a helper."
        )
        return Finding("loopback", Verdict.NOTE, text)
    return Finding("loopback", Verdict.OK, "IPv4 and IPv6")


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


def _environment() -> Finding:
    target, token = os.environ.get(TARGET_VARIABLE), os.environ.get(TOKEN_FILE_VARIABLE)
    if token and not Path(token).is_file():
        text = f"{TOKEN_FILE_VARIABLE} names {token}, which is not a file; unset it or correct it."
        return Finding("environment", Verdict.WRONG, text)
    if target:
        return _probe("environment", locate_logger, f"{TARGET_VARIABLE} is set")
    return Finding("environment", Verdict.OK, "names no server, so clients ask discovery")


def _running_server(state_file: Path) -> Finding:
    try:
        is_there = state_file.exists()
    except OSError as error:
        text = (
            f"The state file {state_file} cannot be read: {error.strerror}. Check who owns its "
            "folder."
        )
        return Finding("server", Verdict.WRONG, text)
    if not is_there:
        text = f"No server of yours has written {state_file}. `json-logger serve` starts one."
        return Finding("server", Verdict.NOTE, text)
    return _probe("server", lambda: ConnectOptions.from_state_file(state_file), str(state_file))


def _store(state_file: Path) -> Iterator[Finding]:
    """Report how a running server copies its logs to a store, if it does."""
    try:
        options = replace(ConnectOptions.from_state_file(state_file), presence=False)
        with connect(options, _PROBE_SECONDS) as connection:
            request = lifecycle_pb2.GetServerInfoRequest()
            info = connection.lifecycle.GetServerInfo(request, timeout=_PROBE_SECONDS)
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


def _discovery() -> Finding:
    if os.environ.get(TARGET_VARIABLE):
        return Finding("discovery", Verdict.OK, f"not asked, because {TARGET_VARIABLE} is set")
    return _probe("discovery", locate_logger, "found through NI discovery", missing=Verdict.NOTE)


def _probe(
    subject: str,
    locate: Callable[[], ConnectOptions],
    what: str,
    missing: Verdict = Verdict.WRONG,
) -> Finding:
    """Find a server and connect to it."""
    try:
        options = replace(locate(), presence=False)
    except SessionSharingError as error:
        return Finding(subject, missing, str(error))
    try:
        connect(options, _PROBE_SECONDS).close()
    except SessionSharingError as error:
        text = f"{what}, but connecting to {options.target} failed: {error}"
        return Finding(subject, Verdict.WRONG, text)
    return Finding(subject, Verdict.OK, f"{what}: {options.target} answers")
