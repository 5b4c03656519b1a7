"""Check a station, and report in plain words everything that keeps a server from its clients."""

from __future__ import annotations

import enum
import json
import os
import platform
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import click

from session_sharing.client import ConnectOptions, SessionSharingError, connect
from session_sharing.finding import ServerNames, find_server
from session_sharing.printing import harmless, say
from session_sharing.server import raise_descriptor_limit

PROBE_SECONDS = 3.0
"""Seconds within which a server on this host must answer."""

_FEW_DESCRIPTORS = 4096


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


_COLORS = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.WRONG: "red"}


def tell(findings: Iterable[Finding], *, as_json: bool) -> bool:
    """Print findings for people, or as a JSON array for programs.

    Returns:
        Whether something is wrong.
    """
    found = list(findings)
    if as_json:
        rows = [
            {"subject": item.subject, "verdict": item.verdict.value, "text": item.text}
            for item in found
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        for item in found:
            click.secho(f"{item.verdict.value:<5}", fg=_COLORS[item.verdict], nl=False)
            say(f" {harmless(item.subject)}: {harmless(item.text)}")
    return any(item.verdict is Verdict.WRONG for item in found)


def versions(names: Sequence[str]) -> Finding:
    """Report the versions of Python and of these distributions."""
    found = ", ".join(f"{name} {version(name)}" for name in names)
    return Finding("versions", Verdict.OK, f"Python {platform.python_version()}, {found}")


def descriptors() -> Finding:
    """Report how many files a process may open."""
    limit = raise_descriptor_limit()
    if limit < _FEW_DESCRIPTORS:
        text = (
            f"A process may open only {limit} files at once. If you need many sessions, raise the "
            "hard limit."
        )
        return Finding("file descriptors", Verdict.NOTE, text)
    return Finding("file descriptors", Verdict.OK, f"a process may open {limit} files at once")


def loopback() -> Finding:
    """Report which addresses of this host exist."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        text = (
            "IPv6 is off. The server does not need it. NI's SDK binds [::1], so plug-ins then "
            "need a helper."
        )
        return Finding("loopback", Verdict.NOTE, text)
    return Finding("loopback", Verdict.OK, "IPv4 and IPv6")


def environment(names: ServerNames) -> Finding:
    """Report what the variables that name a server say."""
    target = os.environ.get(names.target_variable)
    token = os.environ.get(names.token_file_variable)
    if token and not Path(token).is_file():
        text = (
            f"{names.token_file_variable} names {token}, which is not a file; unset it or correct "
            "it."
        )
        return Finding("environment", Verdict.WRONG, text)
    if target:
        said = f"{names.target_variable} is set"
        return _probe("environment", lambda: find_server(names), said)
    return Finding("environment", Verdict.OK, "names no server, so clients ask discovery")


def running_server(state_file: Path, names: ServerNames) -> Finding:
    """Report whether a server of this user answers."""
    try:
        is_there = state_file.exists()
    except OSError as error:
        text = (
            f"The state file {state_file} cannot be read: {error.strerror}. Check who owns its "
            "folder."
        )
        return Finding("server", Verdict.WRONG, text)
    if not is_there:
        text = f"No server of yours has written {state_file}. `{names.program} serve` starts one."
        return Finding("server", Verdict.NOTE, text)
    return _probe("server", lambda: ConnectOptions.from_state_file(state_file), str(state_file))


def discovery(names: ServerNames) -> Finding:
    """Report whether clients find the server through NI discovery."""
    if os.environ.get(names.target_variable):
        text = f"not asked, because {names.target_variable} is set"
        return Finding("discovery", Verdict.OK, text)
    said = "found through NI discovery"
    return _probe("discovery", lambda: find_server(names), said, missing=Verdict.NOTE)


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
        connect(options, PROBE_SECONDS).close()
    except SessionSharingError as error:
        text = f"{what}, but connecting to {options.target} failed: {error}"
        return Finding(subject, Verdict.WRONG, text)
    return Finding(subject, Verdict.OK, f"{what}: {options.target} answers")
