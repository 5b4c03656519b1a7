"""Measure the logger against a no-op and a plain server, in one run.

    python benchmarks/run.py [--quick | --full] [--write]

Rounds are interleaved: every round runs each server once, so that a busy machine disturbs all of
them in the same way. The results are medians, the spread of the rates, and ratios of the server's
CPU time per record, which do not depend on the speed of the load.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import grpc
from cases import Bench, Case, checking_seconds
from greedy import beside_greedy_identities
from load import Outcome
from servers import LOAD_CORE, baseline, pin
from waveforms import beside_waveforms, waveform

PAGE = Path(__file__).parents[3] / "docs" / "performance.md"
_MARK = re.compile(r"(?<=<!-- bench:begin -->\n).*(?=<!-- bench:end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    rounds: int
    seconds: float
    callers: tuple[int, ...]
    sessions: int
    opens: int
    greedy: int


QUICK = Effort(rounds=3, seconds=0.7, callers=(16,), sessions=1_000, opens=5, greedy=100)
FULL = Effort(rounds=5, seconds=1.2, callers=(1, 4, 16, 64), sessions=9_900, opens=15, greedy=1_000)


def main() -> None:
    """Measure, print the results, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a minute (the default)")
    parser.add_argument("--full", action="store_true", help="about six minutes")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    given = parser.parse_args()
    effort = FULL if given.full else QUICK
    pin(os.getpid(), LOAD_CORE)
    with Bench() as bench:
        parts = [_throughput(bench, effort), _latency(bench, effort), _waveforms(bench, effort)]
        text = "\n".join([_setting(effort), *(line for part in parts for line in part)])
    print(text)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(_MARK.sub(lambda _: text + "\n", page), encoding="utf-8")


def _setting(effort: Effort) -> str:
    loop = "uvloop" if "uvloop" in sys.modules or _has_uvloop() else "asyncio"
    return (
        f"{os.cpu_count()} cores, loopback, server and load on a core each, Python "
        f"{platform.python_version()}, grpcio {grpc.__version__}, {loop}; medians of "
        f"{effort.rounds} interleaved rounds of {effort.seconds:g} s.\n"
    )


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return False
    return True


def _throughput(bench: Bench, effort: Effort) -> list[str]:
    cases = [
        *(bench.unary(callers) for callers in effort.callers),
        bench.batches(8),
        bench.streamed(1),
        bench.streamed(100),
    ]
    for round_number in range(effort.rounds):
        for case in cases:
            for server, run in case.runs.items():
                print(f"round {round_number + 1}: {case.name}, {server}", file=sys.stderr)
                outcome = asyncio.run(run(effort.seconds))
                case.outcomes.setdefault(server, []).append(outcome)
    lines = [
        "| load | server | records/s | spread | server CPU µs/record | no-op's CPU / its CPU |",
        "|---|---|---|---|---|---|",
    ]
    return [*lines, *(line for case in cases for line in _rows(case)), ""]


def _rows(case: Case) -> list[str]:
    limit = case.best("no-op", _cost)
    rows = []
    for server, outcomes in case.outcomes.items():
        rates = [outcome.rate for outcome in outcomes]
        cost = case.best(server, _cost)
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        rate = f"{case.best(server, _rate):,.0f}"
        rows.append(
            f"| {case.name} | {server} | {rate} | {spread} | {cost:.1f} | {limit / cost:.2f} |"
        )
    return rows


def _latency(bench: Bench, effort: Effort) -> list[str]:
    servers = (bench.plain, bench.flushed)
    lines = [
        "| initialize a file of | " + " | ".join(server.name for server in servers) + " |",
        "|---|---|---|",
    ]
    for megabytes in (0, 1, 100):
        times = 2 if megabytes == 100 else effort.opens
        cells = []
        for server in servers:
            count = effort.opens if server is bench.flushed else times
            cells.append(f"{bench.initialize_seconds(server, megabytes, count) * 1e3:.2f} ms")
        lines.append(f"| {megabytes} MB | " + " | ".join(cells) + " |")
    ours, noop = bench.one_caller(500 * effort.rounds)
    calm, busy = bench.disturbed(effort.seconds * 2)
    small, array = checking_seconds()
    crowd = bench.sessions(effort.sessions, effort.rounds, effort.seconds)
    apart, together = beside_greedy_identities(bench.folder / "greedy", effort.greedy, 2)
    return [
        *lines,
        "",
        "| ours | | ratio |",
        "|---|---|---|",
        f"| `log_data` of a single caller p50, and a blocking call of the no-op | {ours * 1e3:.3f} "
        f"and {noop * 1e3:.3f} ms | {noop / ours:.2f} |",
        f"| log p99, undisturbed and while others open 100 MB files | {calm * 1e3:.2f} and "
        f"{busy * 1e3:.2f} ms | {busy / calm:.2f} |",
        f"| log p99, while {effort.greedy:,} greedy identities use another server and this one | "
        f"{apart * 1e3:.2f} and {together * 1e3:.2f} ms | {together / apart:.2f} |",
        f"| log p50, 1 and {effort.sessions:,} open sessions | {crowd.p50_one * 1e3:.3f} and "
        f"{crowd.p50_many * 1e3:.3f} ms | {crowd.p50_many / crowd.p50_one:.2f} |",
        f"| an open session takes | {crowd.memory / 1e3:.1f} kB, {crowd.descriptors:.1f} "
        "descriptors | |",
        f"| checking 1 MB of small records takes | {small * 1e3:.1f} ms | |",
        f"| checking a JSON array of a million doubles takes | {array * 1e3:.0f} ms | |",
    ]


def _waveforms(bench: Bench, effort: Effort) -> list[str]:
    lines = [
        "",
        "| waveform | `log_data` | without memory | a no-op that writes the bytes | ratio "
        "| `numpy.save` | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for server in (bench.flushed, bench.durable):
        for count in (1_000_000, 10_000):
            found = waveform(bench.noop, server, count)
            lines.append(
                f"| {count:,} doubles, {server.name} | {found.ours * 1e3:.2f} ms "
                f"| {found.in_messages * 1e3:.2f} ms "
                f"| {found.noop * 1e3:.2f} ms | {found.noop / found.ours:.2f} "
                f"| {found.saved * 1e3:.2f} ms | {found.saved / found.ours:.2f} |"
            )
    with baseline("noop", bench.folder / "second noop") as other:
        beside = beside_waveforms(
            (bench.noop, other), (bench.flushed, bench.durable), effort.seconds
        )
    return [
        *lines,
        "",
        "| p99 of a small call, while another process sends waveforms of a million doubles | none "
        "| to another server | to this server |",
        "|---|---|---|---|",
        _beside_row("ours", beside.undisturbed, beside.elsewhere, beside.here),
        _beside_row("no-op", beside.noop_undisturbed, beside.noop_elsewhere, beside.noop_here),
    ]


def _beside_row(server: str, undisturbed: float, elsewhere: float, here: float) -> str:
    return (
        f"| {server} | {undisturbed * 1e3:.2f} ms | {elsewhere * 1e3:.2f} ms "
        f"({elsewhere / undisturbed:.1f} times) | {here * 1e3:.2f} ms "
        f"({here / undisturbed:.1f} times) |"
    )


def _rate(outcome: Outcome) -> float:
    return outcome.rate


def _cost(outcome: Outcome) -> float:
    return outcome.cost


if __name__ == "__main__":
    main()
