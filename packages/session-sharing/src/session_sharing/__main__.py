"""Run the command `session-sharing` as `python -m session_sharing`."""

from session_sharing.cli import main

main(prog_name="session-sharing")
