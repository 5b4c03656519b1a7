"""Which test files hold which promise of docs/promises.md on Windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from suites import Outcome

_LOGGER = "logger-server/tests"
_SESSIONS = "session-sharing/tests"

PROMISES = {
    "P1": [f"{_LOGGER}/test_survival.py", f"{_LOGGER}/test_durability.py"],
    "P2": [f"{_LOGGER}/test_torn_files.py"],
    "P3": [
        f"{_LOGGER}/test_failing_disks.py",
        f"{_LOGGER}/test_history.py",
        f"{_LOGGER}/test_interrupts.py",
        f"{_LOGGER}/test_process_end.py",
        f"{_LOGGER}/test_retries.py",
        f"{_LOGGER}/test_shared_memory.py",
    ],
    "P4": [
        f"{_LOGGER}/security/test_windows_names.py",
        f"{_LOGGER}/test_one_session_a_file.py",
        f"{_SESSIONS}/core/test_linearizability.py",
        f"{_SESSIONS}/core/test_registry_model.py",
    ],
    "P5": [f"{_SESSIONS}/system/test_presence.py", f"{_SESSIONS}/system/test_sessions_table.py"],
    "P6": [f"{_LOGGER}/test_chaos.py", f"{_SESSIONS}/system/test_presence.py"],
    "P7": [
        f"{_LOGGER}/test_hard_starts.py",
        f"{_LOGGER}/test_one_session_a_file.py",
        f"{_SESSIONS}/core/test_registry.py",
    ],
    "P8": [
        f"{_LOGGER}/test_clean_end.py",
        f"{_LOGGER}/test_on_demand.py",
        f"{_SESSIONS}/system/test_clean_end.py",
        f"{_SESSIONS}/system/test_stopping.py",
    ],
    "P9": [
        f"{_LOGGER}/security/test_exposure.py",
        f"{_LOGGER}/security/test_paths.py",
        f"{_LOGGER}/security/test_planted_state_files.py",
        f"{_LOGGER}/security/test_secrets.py",
        f"{_LOGGER}/security/test_terminal_escapes.py",
        f"{_LOGGER}/test_finding_the_logger.py",
        f"{_LOGGER}/test_memory_mappings.py",
        f"{_SESSIONS}/security/test_identity.py",
        f"{_SESSIONS}/security/test_listeners.py",
        f"{_SESSIONS}/security/test_tls.py",
    ],
    "P10": [
        f"{_LOGGER}/test_failing_disks.py",
        f"{_LOGGER}/test_open_logs_on_windows.py",
        f"{_SESSIONS}/system/test_failing_releases.py",
        f"{_SESSIONS}/system/test_hostile_callers.py",
    ],
    "P11": [f"{_LOGGER}/store/test_bytes.py", f"{_LOGGER}/store/test_kills.py"],
}

CHAIN = "teststand/tests/test_chain.py"


def files_of_promises() -> set[str]:
    """Return the files that the reduced session runs, as FOLDER/tests/..."""
    return {CHAIN, *(file for files in PROMISES.values() for file in files)}


def missing_files(folders: Mapping[str, Path]) -> list[str]:
    """Return the files of this module that do not exist.

    Args:
        folders: Of the packages, by their names.
    """
    names = (file.partition("/") for file in sorted(files_of_promises()))
    return [f"{name}/{rest}" for name, _, rest in names if not (folders[name] / rest).is_file()]


def file_name(folder: Path, file: Path) -> str:
    """Return the name of a test file as it stands in this module."""
    return f"{folder.name}/{file.relative_to(folder).as_posix()}"


def promise_table(outcomes: Sequence[Outcome]) -> str:
    """Return the counts of the tests of each promise, as a Markdown table."""
    counts: dict[str, Counter[str]] = {}
    for one in outcomes:
        file = f"{one.package}/{one.test.partition('::')[0]}"
        counts.setdefault(file, Counter())[one.outcome] += 1
    lines = ["| promise | passed | failed | skipped |", "|---|---|---|---|"]
    for promise, files in PROMISES.items():
        count = sum((counts.get(file, Counter()) for file in files), Counter[str]())
        cells = [str(count[kind]) for kind in ("passed", "failed", "skipped")]
        lines.append(f"| {' | '.join([promise, *cells])} |")
    return "\n".join(lines)
