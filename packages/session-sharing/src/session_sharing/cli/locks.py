"""`session-sharing locks`: serve the locks of hardware that several programs use."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from session_sharing.cli.serving import (
    host_options,
    serving_options,
    state_file_of,
    warn_that_it_is_anonymous,
)
from session_sharing.locks.kind import LockKind
from session_sharing.locks.names import KIND, PROGRAM
from session_sharing.server import AuditTrail, SessionHost, configure_logging, serve


@click.command("locks")
@serving_options
@click.option(
    "--stop-when-idle",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Stop when no program has used the server for this time; 0 = never.",
)
def locks_command(**given: Any) -> None:
    """Serve hardware locks until Ctrl-C or SIGTERM.

    Programs on this host need no such server: a lock starts one. Start it for several hosts.

    Example: session-sharing locks --listen tls:station-1:31763 --network --tls-certificate
    station-1.pem --tls-key station-1.key
    """
    configure_logging(as_json=given["log_format"] == "json")
    warn_that_it_is_anonymous(given, "take and release locks")
    kind = LockKind()
    host = SessionHost({KIND: kind}, host_options(given, PROGRAM))
    host.registry.events.listen(kind.note)
    with contextlib.ExitStack() as stack:
        if given["audit"] is not None:
            trail = stack.enter_context(AuditTrail(given["audit"]))
            stack.callback(host.registry.events.listen(trail.note))
        serve(
            host,
            state_file_of(given, PROGRAM),
            stop_with_starter=given["stop_with_starter"],
            stop_when_idle=given["stop_when_idle"],
        )
