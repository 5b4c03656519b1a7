"""Which log sessions the processes of a run used, by what they say in their logs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from processes import ChainError

_SESSION = re.compile(r"session (\S+) \(([^)]*)\)")


def check_one_session(run_log: Path, plugin_logs: Sequence[tuple[Path, str]]) -> str:
    """Check that one log session carried both plug-ins: made once, attached to after that.

    Args:
        run_log: Log of the run, in which the code module tells of the session it opened.
        plugin_logs: Log of each plug-in, and what of it was written during the run.

    Returns:
        The name of the session.

    Raises:
        ChainError: The plug-ins made or used other sessions.
    """
    opened = _SESSION.findall(run_log.read_text(encoding="utf-8", errors="replace"))
    if len(opened) != 1 or opened[0][1] != "new":
        raise ChainError(f"the code module should have opened one new session: {opened}", run_log)
    name = str(opened[0][0])
    for log, text in plugin_logs:
        used = _SESSION.findall(text)
        if not used:
            raise ChainError(f"{log.stem} says nothing of its log session", log)
        if any(one != (name, "attached") for one in used):
            raise ChainError(f"{log.stem} was due to attach to session {name}: {used}", log)
    return name
