"""Run NI's example plug-ins and sequences on simulated instruments: `nox -s examples -- CHECKOUT`.

The checkout is one of ni/measurement-plugin-python. Nothing in it changes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from checkout import Example, ExamplesError, copy_examples, make_environment
from commands import Commands, Outcome
from sdk_tests import run_sdk_tests

_SETTINGS = {"ni.examples.GameOfLife_Python": ["max_generations=3"]}
"""Settings by service class. With its default, the game does not end before it is cancelled."""


def main() -> int:
    """Run what the command line asks for, and return the exit code."""
    options = _parser().parse_args()
    work: Path = options.work.absolute()
    commands = Commands(work / "state.json")
    try:
        examples = copy_examples(options.checkout, work / "examples", options.example)
        for example in examples:
            if not options.sdk_tests:
                make_environment(example, options.python)
    except ExamplesError as error:
        print(error, file=sys.stderr)
        return 1
    with commands.running_platform(work):
        if options.sdk_tests:
            return run_sdk_tests(options.checkout, work, commands)
        return _run_examples(commands, examples)


def _run_examples(commands: Commands, examples: list[Example]) -> int:
    """Measure with each plug-in, run each sequence, print the results, return the exit code."""
    measured: list[Outcome] = []
    run: list[Outcome] = []
    for example in examples:
        _measure(commands, example, measured)
    for example in examples:
        for sequence in example.sequences:
            run.append(commands.run(sequence))
            _report(example.folder.name, run[-1])
    _count("measurements", measured)
    _count("sequences", run)
    return 0 if all(outcome.passed for outcome in (*measured, *run)) else 1


def _measure(commands: Commands, example: Example, outcomes: list[Outcome]) -> None:
    """Measure with each pin map of an example."""
    settings = _SETTINGS.get(example.service_class, [])
    for pin_map in example.pin_maps or (None,):
        outcomes.append(commands.measure(example.service_class, pin_map, settings))
        _report(example.folder.name, outcomes[-1])


def _report(name: str, outcome: Outcome) -> None:
    print(f"{name}  {outcome.what}  {outcome.seconds:.1f} s  {outcome.told}", flush=True)
    for line in outcome.details:
        print(f"    {line}")


def _count(kind: str, outcomes: list[Outcome]) -> None:
    print(f"{kind}: {sum(outcome.passed for outcome in outcomes)} of {len(outcomes)} passed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nox -s examples --", description=__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of ni/measurement-plugin-python")
    parser.add_argument("--example", action="append", default=[], help="only this folder")
    parser.add_argument(
        "--python", default="3.10", help="the Python of the examples; NI's sequences name 3.10"
    )
    parser.add_argument(
        "--sdk-tests", action="store_true", help="run the tests of NI's SDK instead of the examples"
    )
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
