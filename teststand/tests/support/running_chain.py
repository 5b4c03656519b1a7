"""Start a chain, and runs on it that a test can break."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from chain import Chain, Environments, installed_command
from chain_sequences import TESTSTAND, changed_sequences
from environments import environment
from json_logger_client import JSON_LOGGER_INSTRUMENT_TYPE
from ni.measurementlink.sessionmanagement.v1.client import INSTRUMENT_TYPE_NI_DCPOWER
from plugin_kit.calling import PlatformClient
from processes import RUN_VARIABLE
from run_chain import do_steps


@contextmanager
def running_chain(
    folder: Path, sequences: Path = TESTSTAND, logger_options: Sequence[str] = ()
) -> Iterator[Chain]:
    """Start the platform and the logger, with the plug-ins installed."""
    environments = Environments(
        *map(environment, ("server", "dcpower", "dmm", "devices", "station"))
    )
    work = folder / "work"
    work.mkdir()
    chain = Chain(environments, sequences, work, folder / "results", logger_options)
    try:
        chain.find_commands()
        chain.lay_out()
        chain.start_platform()
        chain.start_logger()
        chain.start_devices()
        yield chain
    finally:
        chain.close()


def slow_sequences(folder: Path) -> Path:
    """Return the sequences with an SMU that takes 50 s to settle."""
    delay = 'name = "source_delay", type = "double", value = '
    return changed_sequences(folder, lambda text: text.replace(f'{delay}"0"', f'{delay}"50"'))


def run_step(chain: Chain, sequence: str) -> int:
    """Do one of the chain's run steps as the end-to-end program does, and return the exit code."""
    return do_steps([step for step in chain.steps() if step[0] == f"run {sequence}"], [])


def start_run(chain: Chain, sequence: Path, *options: str) -> subprocess.Popen[str]:
    """Start a run of a sequence; its standard output is the JSON of the run."""
    return subprocess.Popen(
        [
            installed_command(environment("station"), "platform-sim"),
            "run",
            f"--state-file={chain.platform_state}",
            "--json",
            *options,
            str(sequence),
        ],
        env=dict(chain.environment()),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_measuring_plugin(chain: Chain) -> psutil.Process:
    """Return the process of the DC power plug-in when its measurement has begun."""

    # The code modules reserve one type of instrument at a time; only a plug-in needs both.
    def is_measuring() -> bool:
        reserved = {one.instrument_type_id for one in platform.sessions() if one.session_reserved}
        return reserved >= {INSTRUMENT_TYPE_NI_DCPOWER, JSON_LOGGER_INSTRUMENT_TYPE}

    state = json.loads(chain.platform_state.read_text(encoding="utf-8"))
    with PlatformClient(state["discovery_address"]) as platform:
        wait_for(is_measuring)
    (plugin,) = (
        process
        for process in psutil.process_iter()
        if _is_of(process, chain.run_id, "dcpower_logger_plugin")
    )
    return plugin


def wait_for(condition: Callable[[], bool], timeout: float = 120.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_of(process: psutil.Process, run_id: str, module: str) -> bool:
    try:
        return process.environ().get(RUN_VARIABLE) == run_id and module in process.cmdline()
    except psutil.Error:
        return False
