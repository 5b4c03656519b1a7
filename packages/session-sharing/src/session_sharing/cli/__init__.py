"""The command `session-sharing`. It loads the module of a command only when that command runs."""

from __future__ import annotations

import click

from session_sharing.commands import LazyGroup
from session_sharing.core.errors import SessionSharingError

_VERBS = {
    "ls": "session_sharing.cli.any_server:ls_command",
    "show": "session_sharing.cli.any_server:show_command",
    "close": "session_sharing.cli.any_server:close_command",
    "locks": "session_sharing.cli.locks:locks_command",
    "stubs": "session_sharing.cli.stubs:stubs_command",
}


@click.group(
    cls=LazyGroup,
    places=_VERBS,
    shown_errors=[SessionSharingError],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="session-sharing")
def main() -> None:
    """Look at the sessions of any server, serve hardware locks, and make stubs.

    Without options, `ls`, `show` and `close` look at all servers of this user on this host.
    """
