"""Check from the logs of a run that its processes used one log session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from processes import ChainError

_SESSION = re.compile(r"session (\S+) \(([^)]*)\)")


def check_one_session(run_log: Path, plugin_logs: Sequence[tuple[Path, str]]) -> str:
    """Check that both plug-ins attached to the one log session that the code module created.

    Args:
        run_log: Log of the run, in which the code module reports the session that it opened.
        plugin_logs: Log of each plug-in, and the text that was added to it during the run.

    Returns:
        The name of the session.

    Raises:
        ChainError: The plug-ins created or used other sessions.
    """
    opened = _SESSION.findall(run_log.read_text(encoding="utf-8", errors="replace"))
    if len(opened) != 1 or opened[0][1] != "new":
        raise ChainError(f"the code module should have opened one new session: {opened}", run_log)
    name = str(opened[0][0])
    for log, text in plugin_logs:
        used = _SESSION.findall(text)
        if not used:
            raise ChainError(f"{log.stem} does not name its log session", log)
        if any(one != (name, "attached") for one in used):
            raise ChainError(f"{log.stem} should have attached to session {name}: {used}", log)
    return name
