from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platform_sim.sequence.errors import ExpressionError, UnsupportedError
from platform_sim.sequence.expressions import assign, evaluate
from platform_sim.sequence.model import Sequence, SequenceFile
from platform_sim.sequence.variables import THIS_CONTEXT, ExecutionVariables


@pytest.fixture
def variables() -> ExecutionVariables:
    sequence = Sequence("MainSequence", locals={"Volts": 6.0, "Names": ["a", "b"], "Ok": True})
    return ExecutionVariables(SequenceFile((sequence,), {"Map": {"Path": "A.pinmap"}}), sequence)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6", 6.0),
        ("1.5e-3", 0.0015),
        (".5", 0.5),
        ("0x1F", 31),
        ("1i64", 1),
        ("100ui64", 100),
        ("True", True),
        ("false", False),
        ("Nothing", None),
        ('"Pin1"', "Pin1"),
        (r'"a\"b\n"', 'a"b\n'),
        (r'"..\maps\A.pinmap"', r"..\maps\A.pinmap"),
        (r'@"C:\new"', r"C:\new"),
        ('{"Pin1", "Pin2"}', ["Pin1", "Pin2"]),
        ("{}", []),
        ("{{1, 2}, {3}}", [[1.0, 2.0], [3.0]]),
        ("-Locals.Volts", -6.0),
        ("Locals.Volts * 2 + 1", 13.0),
        ("2 + 3 * 4 - 6 / 2", 11.0),
        ("(2 + 3) * 4", 20.0),
        ("7 % 4", 3.0),
        ('"a" + "b"', "ab"),
        ("Locals.Volts >= 6 && !(Locals.Ok == False)", True),
        ("Locals.Volts < 6 || Locals.Volts <> 6", False),
        ("NOT Locals.Ok OR Locals.Ok AND True", True),
        ("Locals.Ok ? 1 : 2", 1.0),
        ("Locals.Names[1]", "b"),
        ("FileGlobals.Map.Path", "A.pinmap"),
        ("1, 2, 3", 3.0),
        ("6 // a comment", 6.0),
        ("/* a comment */ 6", 6.0),
        ("ThisContext", THIS_CONTEXT),
    ],
)
def test_an_expression_has_the_value_that_teststand_gives_it(
    variables: ExecutionVariables, text: str, value: object
) -> None:
    assert evaluate(text, variables) == value


def test_assignments_change_variables(variables: ExecutionVariables) -> None:
    evaluate('Locals.Volts += 1, Locals.Names[0] = "z", RunState.LoopIndex = 4', variables)

    assert evaluate("Locals.Volts", variables) == 7.0
    assert evaluate("Locals.Names", variables) == ["z", "b"]
    assert evaluate("RunState.LoopIndex", variables) == 4.0


def test_a_result_goes_into_the_variable_that_an_expression_names(
    variables: ExecutionVariables,
) -> None:
    assign("Locals.Names", ["x"], variables)

    assert evaluate("Locals.Names[0]", variables) == "x"


@pytest.mark.parametrize(
    "owner", ["RunState.Engine.TemporaryGlobals", "RunState.Execution.RunTimeVariables"]
)
def test_the_functions_of_run_time_variables_set_and_delete_them(
    variables: ExecutionVariables, owner: str
) -> None:
    assert evaluate(f'{owner}.Exists("NI.Some.Id", 0x0)', variables) is False
    assert evaluate(f'{owner}.GetValString("NI.Some.Id", 0x1)', variables) == ""

    evaluate(f'{owner}.SetValString("NI.Some.Id", 0x1, "a" + "b")', variables)
    assert variables.run_time == {"NI.Some.Id": "ab"}
    assert evaluate(f'{owner}.GetValString("NI.Some.Id", 0x0)', variables) == "ab"
    assert evaluate(f'{owner}.Exists("NI.Some.Id")', variables) is True

    evaluate(f'{owner}.DeleteSubProperty("NI.Some.Id", 0x0)', variables)
    evaluate(f'{owner}.DeleteSubProperty("NI.Some.Id", 0x2)', variables)
    assert variables.run_time == {}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('DeleteSubProperty("NI.Id", 0)', "the variable NI.Id does not exist"),
        ('GetValString("NI.Id", 0)', "the variable NI.Id does not exist"),
        ('SetValString("NI.Id", 0, "a")', "the variable NI.Id does not exist"),
        ('SetValString("NI.Id", "x", "a")', "SetValString.*invalid literal"),
        ('SetValString("NI.Id")', "SetValString.*missing"),
        ('Exists("NI.Id", 0', r"expected '\)'"),
    ],
)
def test_a_function_that_cannot_do_its_work_says_so(
    variables: ExecutionVariables, call: str, message: str
) -> None:
    with pytest.raises(ExpressionError, match=message):
        evaluate(f"RunState.Engine.TemporaryGlobals.{call}", variables)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Locals.Names[1e999]", "infinity"),
        ("(" * 5000, r"\(\.\.\. is nested too deeply"),
        ("Locals.Missing", "the variable Locals.Missing does not exist"),
        ("Locals.Names[7]", r"the variable Locals.Names\[7\] does not exist"),
        ("Locals.Missing = 1", "the variable Locals.Missing does not exist"),
        ("1 +", "found the end"),
        ("(1", r"expected '\)'"),
        ("1 2", "found '2'"),
        ("1 = 2", "must be a variable"),
        ("", "found the end"),
        ('"open', "cannot read"),
        ('"a" + 1', "a string can only be added to a string"),
        ("1 / 0", "division by zero"),
        ("Locals.", "expected a name"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_text(
    variables: ExecutionVariables, text: str, message: str
) -> None:
    with pytest.raises(ExpressionError, match=message):
        evaluate(text, variables)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Str(6)", r"Str\(\)"),
        ("Locals.GetValString()", "Locals.GetValString"),
        ("1 & 2", "&"),
        ("~1", "~"),
    ],
)
def test_missing_features_are_refused_by_name(
    variables: ExecutionVariables, text: str, name: str
) -> None:
    with pytest.raises(UnsupportedError, match=name):
        evaluate(text, variables)


@given(st.text(max_size=30))
def test_no_text_makes_the_reader_fail_in_another_way(text: str) -> None:
    sequence = Sequence("MainSequence")
    variables = ExecutionVariables(SequenceFile((sequence,)), sequence)
    with contextlib.suppress(ExpressionError, UnsupportedError):
        evaluate(text, variables)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e15))
def test_numbers_keep_their_value(number: float) -> None:
    sequence = Sequence("MainSequence")
    variables = ExecutionVariables(SequenceFile((sequence,)), sequence)

    assert evaluate(repr(number), variables) == number
