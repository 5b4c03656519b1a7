"""The command `session-sharing`."""

from __future__ import annotations

import click

from session_sharing.cli.locks import locks_command
from session_sharing.cli.servers import any_server_options, chosen_servers
from session_sharing.cli.sessions import session_commands
from session_sharing.cli.stubs import stubs_command
from session_sharing.commands import HarmlessGroup
from session_sharing.core.errors import SessionSharingError


@click.group(
    cls=HarmlessGroup,
    shown_errors=[SessionSharingError],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="session-sharing")
def main() -> None:
    """Look at the sessions of any server, serve hardware locks, and make stubs.

    Without options, `ls`, `show` and `close` look at all servers of this user on this host.
    """


for command in (
    *session_commands("session-sharing", any_server_options, chosen_servers),
    locks_command,
    stubs_command,
):
    main.add_command(command)
