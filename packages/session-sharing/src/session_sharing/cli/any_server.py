"""`session-sharing ls`, `show` and `close`: the sessions of all servers of this user."""

from __future__ import annotations

from session_sharing.cli.servers import any_server_options, chosen_servers
from session_sharing.cli.sessions import session_commands

ls_command, show_command, close_command = session_commands(
    "session-sharing", any_server_options, chosen_servers
)
