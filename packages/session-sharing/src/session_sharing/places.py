"""Where servers and clients of one user meet."""

from __future__ import annotations

import warnings
from pathlib import Path


def default_state_file(program: str) -> Path:
    """Give the place of a program's state file in the user's runtime folder.

    Where the system has no such folder, it is one below the temporary folder; servers check that it
    belongs to their user alone. Needs platformdirs, which comes with the extra ``server``.
    """
    import platformdirs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says that there is no runtime folder
        folder = platformdirs.user_runtime_dir("session-sharing", appauthor=False)
    return Path(folder) / f"{program}.json"
