"""Where servers and clients of one user meet."""

from __future__ import annotations

from pathlib import Path


def default_state_file(program: str) -> Path:
    """Give the place of a program's state file in the user's runtime folder.

    Needs platformdirs, which comes with the extra ``server``.
    """
    import platformdirs

    folder = platformdirs.user_runtime_dir("session-sharing", appauthor=False)
    return Path(folder) / f"{program}.json"
