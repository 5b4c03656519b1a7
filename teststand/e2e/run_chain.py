"""Run the whole chain end to end, from installed packages: python run_chain.py --help.

This needs only the standard library, so that any Python can run it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType

from chain import Chain, Environments, Step
from processes import ChainError, tail

_FAILED = 1
_INTERRUPTED = 130
_TESTSTAND = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chain and return the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    environments = Environments(
        server=options.server_env.absolute(),
        dcpower=options.dcpower_env.absolute(),
        dmm=options.dmm_env.absolute(),
        devices=options.devices_env.absolute(),
        station=options.station_env.absolute(),
    )
    rows: list[tuple[str, str, float]] = []
    with tempfile.TemporaryDirectory(prefix="measure-and-log-") as work:
        chain = Chain(
            environments, options.sequences.resolve(), Path(work), options.results.resolve()
        )
        try:
            code = do_steps(chain.steps(), rows)
        finally:
            chain.close()
    _print_summary(chain, rows)
    return code


def do_steps(steps: Iterable[Step], rows: list[tuple[str, str, float]]) -> int:
    """Do steps, report each of them, and stop at the first that fails.

    Args:
        steps: The steps.
        rows: List to which the name, result and seconds of each step are added.

    Returns:
        The exit code.
    """
    name, started = "", time.monotonic()
    try:
        for name, step in steps:
            started = time.monotonic()
            _say(f"{name} ...")
            try:
                step()
            except ChainError as error:
                _say(f"FAILED: {name}: {error}")
                _print_last_output(error.log)
                rows.append((name, "FAILED", time.monotonic() - started))
                return _FAILED
            rows.append((name, "ok", time.monotonic() - started))
    except KeyboardInterrupt:
        _say(f"interrupted: {name}")
        rows.append((name, "interrupted", time.monotonic() - started))
        return _INTERRUPTED
    return 0


def _print_summary(chain: Chain, rows: Sequence[tuple[str, str, float]]) -> None:
    width = max((len(name) for name, _, _ in rows), default=4)
    _say(f"\n{'step':<{width}}  {'result':<11}  {'time':>7}")
    for name, result, seconds in rows:
        _say(f"{name:<{width}}  {result:<11}  {seconds:>6.2f}s")
    for report in chain.reports:
        _say(f"\n{report.sequence}: measured")
        for value in report.values:
            _say(f"  site {value.site}  {value.pin:<11} {value.text}")
        names = ", ".join(str(record["measurement_name"]) for record in report.records)
        _say(f"  {len(report.records)} records: {names}")
        _say(f"  one session for both plug-ins: {report.session} (new once, then attached)")
    if chain.reports:
        _say(f"\nlog file: {chain.log_file}")
    _say(f"logs of every process: {chain.logs}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, package in (
        ("server", "json-logger-server"),
        ("dcpower", "dcpower-logger-plugin"),
        ("dmm", "dmm-logger-plugin"),
        ("devices", "measurement-device-communication with the extra server"),
        ("station", "measurement-platform-sim and the packages that the code modules import"),
    ):
        parser.add_argument(
            f"--{name}-env",
            type=Path,
            required=True,
            metavar="DIR",
            help=f"virtual environment with {package}",
        )
    parser.add_argument(
        "--results",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the logs of every process, the reports and the log file",
    )
    parser.add_argument(
        "--sequences",
        type=Path,
        default=_TESTSTAND,
        metavar="DIR",
        help="folder with the sequence files, code modules, pin maps and bench file",
    )
    return parser


def _print_last_output(log: Path | None) -> None:
    if log is not None:
        _say(f"last lines of {log}:")
        for line in tail(log):
            _say(f"  | {line}")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is what the program is for


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
