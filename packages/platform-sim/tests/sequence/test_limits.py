"""Limits in a sequence's description decide whether its steps pass, and every result shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from platform_sim.cli import main
from platform_sim.platform import Platform, PlatformOptions
from platform_sim.sequence.description import parse_description
from platform_sim.sequence.errors import DescriptionError, UnsupportedError
from platform_sim.sequence.expressions import evaluate
from platform_sim.sequence.limit_expressions import with_limit_expressions, with_limits
from platform_sim.sequence.model import MeasurementCall, SequenceFile
from platform_sim.sequence.reports import run_as_json, write_junit
from platform_sim.sequence.seq_reader import read_sequence_file
from platform_sim.sequence.seq_writer import sequence_text
from platform_sim.sequence.variables import ExecutionVariables
from plugin_folders import write_script_plugin
from plugin_kit import Limits, OutputLimits, check_limits

if TYPE_CHECKING:
    from conftest import Bench

PLUGIN = """
    from pathlib import Path
    import ni_measurement_plugin_sdk_service as nims
    from plugin_kit.hosting import MeasurementCall

    service = nims.MeasurementService(
        service_config_path=Path(__file__).with_name("plugin.serviceconfig"))

    @service.register_measurement
    @service.configuration("levels", nims.DataType.DoubleArray1D, [1.0, 2.0, 3.0])
    @service.output("measurement_sites", nims.DataType.Int32Array1D)
    @service.output("level", nims.DataType.DoubleArray1D)
    @service.output("step", nims.DataType.String)
    def measure(levels):
        step = MeasurementCall(service).step
        told = [Path(step.sequence_file).name, step.step, step.uut, *step.limits]
        return list(range(len(levels))), levels, " ".join(told)

    with service.host_service():
        input()
"""
STEP = """
[[main]]
name = "levels"
measurement = "test.Levels"
inputs = [{{ name = "levels", type = "double[]", value = "{{1.0, 2.0, 3.0}}" }}]
outputs = [
  {{ name = "measurement_sites", type = "int32[]" }},
  {{ name = "level", type = "double[]" }},
  {{ name = "step", type = "string" }},
]
limits = {limits}
"""
PASSING = STEP.format(limits="{ level = { low = 1, high = 2, sites = { 2 = { low = 3 } } } }")
FAILING = STEP.format(limits="{ level = { low = 1, high = 2, nominal = 1.5 } }")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("plugins")
    write_script_plugin(folder / "Levels", "test.Levels", PLUGIN)
    options = PlatformOptions(
        plugin_folders=(folder,), log_folder=folder / "logs", has_device_server=False
    )
    with Platform(options) as platform:
        yield platform.discovery_address


def test_a_step_passes_if_every_value_is_within_the_limits_of_its_site(
    bench: Bench, address: str
) -> None:
    result = bench.run(PASSING, discovery_address=address)

    assert bench.trace(result) == ["Main levels: Passed"], result.steps[0].message
    assert [(check.site, check.passed) for check in result.steps[0].checks] == [
        (0, True),
        (1, True),
        (2, True),
    ]


def test_a_step_with_a_value_outside_its_limits_fails_and_says_which(
    bench: Bench, address: str, tmp_path: Path
) -> None:
    result = bench.run(FAILING, discovery_address=address)

    assert bench.trace(result) == ["Main levels: Failed"]
    assert result.steps[0].message == "level at site 2: 3.0 is not within 1 to 2"
    limits = run_as_json(result)["steps"][0]["measurements"][0]["limits"]  # type: ignore[index]
    assert limits[2] == {
        "output": "level",
        "site": 2,
        "pin": "",
        "value": 3.0,
        "low": 1.0,
        "high": 2.0,
        "nominal": 1.5,
        "passed": False,
    }

    write_junit(result, tmp_path / "junit.xml")
    suite = etree.parse(tmp_path / "junit.xml").find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == list("4100")
    cases = {(case.get("classname"), case.get("name")): [one.tag for one in case] for case in suite}
    levels = f"{result.sequence_file.stem}.Main.levels"
    assert cases == {
        (f"{result.sequence_file.stem}.Main", "levels"): ["system-out"],
        (levels, "level at site 0"): ["system-out"],
        (levels, "level at site 1"): ["system-out"],
        (levels, "level at site 2"): ["failure", "system-out"],
    }


def test_the_plug_in_gets_the_step_its_limits_and_the_unit_under_test(
    bench: Bench, address: str
) -> None:
    path = bench.sequence(PASSING)
    done = CliRunner().invoke(
        main, ["run", str(path), "--uut", "SN1", "--json"], env={"PLATFORM_SIM_DISCOVERY": address}
    )

    (measurement,) = json.loads(done.stdout)["steps"][0]["measurements"]
    assert measurement["outputs"]["step"] == f"{path.name} levels SN1 level"


def test_the_table_shows_the_values_that_fail(bench: Bench, address: str) -> None:
    path = bench.sequence(FAILING)
    done = CliRunner().invoke(main, ["run", str(path)], env={"PLATFORM_SIM_DISCOVERY": address})

    assert done.exit_code == 1
    assert "level at site 2: 3.0 is not within 1 to 2\n" in done.stdout


def test_a_step_that_passes_in_a_later_turn_of_its_loop_has_no_failed_case(
    bench: Bench, address: str, tmp_path: Path
) -> None:
    loop = """
        locals = { Levels = [3.0] }
        [[main]]
        name = "levels"
        measurement = "test.Levels"
        inputs = [{ name = "levels", type = "double[]", value = "Locals.Levels" }]
        outputs = [{ name = "level", type = "double[]" }]
        limits = { level = { high = 2 } }
        loop_type = "CustomLoop"
        loop_while = "RunState.LoopIndex < 2"
        post_expression = "Locals.Levels = {1.0}"
        """
    result = bench.run(loop, discovery_address=address)

    assert bench.trace(result) == ["Main levels: Passed"], result.steps[0].message
    assert [check.passed for check in result.steps[0].checks] == [False, True]
    write_junit(result, tmp_path / "junit.xml")
    suite = etree.parse(tmp_path / "junit.xml").find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("3", "0")


def test_limits_that_do_not_fit_the_plug_in_are_an_error_of_the_step(
    bench: Bench, address: str
) -> None:
    description = FAILING.replace('"level"', '"lvl"').replace("{ level", "{ lvl")
    result = bench.run(description, discovery_address=address)

    assert bench.trace(result) == ["Main levels: Error"]
    assert "limits for lvl, but the measurement has no such output" in result.steps[0].message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("level = {", "lvl = {"), "limits for lvl, but no such output"),
        (("level = {", "step = {"), "step is of type string. Only numbers can have limits"),
        (("low = 1", 'low = "1"'), "limits of level: low is '1'"),
        (("limits =", "status_expression = 'True'\nlimits ="), "limits and a status_expression"),
        (("measurement_sites", "sites"), "needs the output measurement_sites"),
    ],
)
def test_wrong_limits_in_a_description_are_refused(change: tuple[str, str], problem: str) -> None:
    with pytest.raises(DescriptionError, match=problem):
        parse_description(PASSING.replace(*change))


def test_a_variable_cannot_have_the_name_of_the_container_for_limits() -> None:
    with pytest.raises(UnsupportedError, match=r"variable Locals\.Limits"):
        sequence_text(parse_description("locals = { Limits = 1.0 }" + PASSING))


def test_numbers_that_a_person_changes_in_the_file_are_the_limits(bench: Bench) -> None:
    path = bench.sequence(
        PASSING, lambda text: text.replace("<value>1</value>", "<value>0.5</value>")
    )
    (step,) = read_sequence_file(path).sequences[0].main
    assert isinstance(step.call, MeasurementCall)
    assert step.call.limits["level"] == OutputLimits(Limits(0.5, 2), {2: Limits(3)})


def test_an_expression_that_a_person_changes_is_evaluated_as_it_is(
    bench: Bench, address: str
) -> None:
    result = bench.run(
        PASSING,
        lambda text: text.replace("&lt;= 16", "&lt;= 2"),
        discovery_address=address,
    )
    assert bench.trace(result) == ["Main levels: Failed"], result.steps[0].message


_values = st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0, float("nan")]), max_size=17)
_bounds = st.sampled_from(
    [Limits(1, 2), Limits(low=2), Limits(high=1), Limits(nominal=1), Limits(0, 5)]
)


@settings(deadline=None)  # a busy machine is slow
@given(
    _values,
    st.builds(
        OutputLimits, _bounds, st.dictionaries(st.integers(0, 4), _bounds, max_size=2)
    ).filter(lambda one: one.can_fail),
)
def test_the_generated_expression_agrees_with_the_runner(
    values: list[float], limits: OutputLimits
) -> None:
    content = _with_limits_of_level(parse_description(PASSING), limits)
    lowered = with_limit_expressions(content)
    sequence = lowered.sequences[0]
    (step,) = sequence.main
    variables = ExecutionVariables(lowered, sequence)
    outputs: dict[str, Any] = {"measurement_sites": [*range(len(values))], "level": values}
    container = variables.roots["Locals"]["Limits"]["levels"]
    for name, variable in container.items():
        variable["Value"] = outputs[name]

    passed = bool(evaluate(step.flow.status_expression, variables))

    if not values and limits.sites:
        assert not passed
    else:
        checks = check_limits({"level": limits}, outputs)
        assert passed == (len(values) <= 16 and all(check.passed for check in checks))
    assert with_limits(lowered) == content


def _with_limits_of_level(content: SequenceFile, limits: OutputLimits) -> SequenceFile:
    (sequence,) = content.sequences
    (step,) = sequence.main
    assert isinstance(step.call, MeasurementCall)
    changed = replace(step, call=replace(step.call, limits={"level": limits}))
    return replace(content, sequences=(replace(sequence, main=(changed,)),))
