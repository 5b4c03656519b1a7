"""Missing features are refused before anything runs, with the step, the name and the remedy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from platform_sim.sequence.check import check_sequence_file
from platform_sim.sequence.description_writer import description_text
from platform_sim.sequence.errors import UnsupportedError
from platform_sim.sequence.seq_reader import read_sequence_file
from platform_sim.sequence.seq_writer import sequence_text

if TYPE_CHECKING:
    from conftest import Bench


MAIN_STEP = "[[main]]\nname = 'the step'\n"
CALL = MAIN_STEP + "module = 'never.py'\nfunction = 'work'\n"
ARGUMENT = "arguments = { context = 'ThisContext' }\n"


def value(tag: str, class_name: str, old: str, new: str) -> tuple[str, str]:
    """Return the XML of a step option as the writer writes it, and with another value."""
    indent = "\t" * 16
    start = f"<{tag} classname='{class_name}'>\n{indent}"
    return start + old, start + new


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        (
            "typename='Action' xsi:type='Action'",
            "typename='SequenceCall'",
            "step type SequenceCall is not supported. Set the step's run mode to Skip, or run the "
            "file in TestStand.",
        ),
        (
            "typename='PythonStepAdditions' xsi:type='PythonStepAdditions' "
            "classname='CPythonModule'",
            "typename='FlexGStepAdditions' classname='FGModule'",
            "the LabVIEW adapter is not supported. Set the step's run mode to Skip",
        ),
        ("'CPythonModule'", "'OtherModule'", "the OtherModule adapter is not supported. Set"),
        (
            *value("Mode", "Str", "<value>Normal<", "<value>Breakpoint<"),
            "run mode Breakpoint is not supported. Set it to one of ForceFail, ForcePass, Normal",
        ),
        (
            *value("PassAct", "Str", "<value>Next<", "<value>Goto<"),
            "pass action Goto is not supported. Set it to Next or Terminate.",
        ),
        (
            *value("SwitchEnabled", "Bool", "<value>false<", "<value>true<"),
            "switching (SwitchEnabled) is not supported. Remove the option, or run",
        ),
        (
            "<value>NoLooping</value>",
            "<value>FixedNumLoops</value>",
            "looping FixedNumLoops has no expression that ends it (LoopWhile). Give the loop",
        ),
        (
            "<value>ThisContext</value>",
            "<value>Str(1)</value>",
            "argument context: Str(1): the function Str() is not supported. Remove it, or",
        ),
        (
            "<value>ThisContext</value>",
            "<value>Locals.</value>",
            "argument context: Locals.: expected a name, found the end. Correct the expression.",
        ),
    ],
)
def test_missing_features_are_refused_by_step_before_anything_runs(
    bench: Bench, old: str, new: str, refusal: str
) -> None:
    bench.module("never.py", "raise SystemExit('imported')\n")

    with pytest.raises(UnsupportedError) as caught:
        bench.run(CALL + ARGUMENT, lambda text: text.replace(old, new))

    assert f"Main step 'the step': {refusal}" in str(caught.value)


def test_a_post_action_on_a_custom_condition_is_refused(bench: Bench) -> None:
    condition = value("CustExpr", "ExprValue", "<value/>", "<value>True</value>")
    action = value("CustTrueAct", "Str", "<value>Next<", "<value>Goto<")

    bench.run(MAIN_STEP, lambda text: text.replace(*condition))
    with pytest.raises(UnsupportedError, match=r"custom condition \(CustExpr\) is not supported"):
        bench.run(MAIN_STEP, lambda text: text.replace(*condition).replace(*action))


def test_a_file_without_main_sequence_is_refused(bench: Bench) -> None:
    with pytest.raises(UnsupportedError, match=r"no MainSequence.*sequences: Other.*Rename the"):
        bench.run(MAIN_STEP, lambda text: text.replace("'MainSequence'", "'Other'"))


@pytest.mark.parametrize(
    ("mode", "status"), [("Skip", "Skipped"), ("ForcePass", "Passed"), ("ForceFail", "Failed")]
)
def test_a_step_that_its_run_mode_leaves_out_is_not_refused(
    bench: Bench, mode: str, status: str
) -> None:
    file = f"{MAIN_STEP}mode = '{mode}'\npre_expression = 'Str(1)'\n"

    def to_sequence_call(text: str) -> str:
        return text.replace("typename='Action'", "typename='SequenceCall'")

    result = bench.run(file, to_sequence_call)
    assert bench.trace(result) == [f"Main the step: {status}"]
    found = check_sequence_file(bench.sequence(file, to_sequence_call), environment=os.environ)
    assert [finding for finding in found if finding.is_error] == []


def test_a_step_that_is_only_read_is_not_written_again(bench: Bench) -> None:
    for old, new in (
        ("typename='Action'", "typename='SequenceCall'"),
        value("SwitchEnabled", "Bool", "<value>false<", "<value>true<"),
    ):
        content = read_sequence_file(
            bench.sequence(MAIN_STEP, lambda text, old=old, new=new: text.replace(old, new))
        )
        with pytest.raises(UnsupportedError, match=r"'the step'.* cannot be written"):
            sequence_text(content)
        with pytest.raises(
            UnsupportedError, match=r"step 'the step': a description cannot express .*"
        ):
            description_text(content)
