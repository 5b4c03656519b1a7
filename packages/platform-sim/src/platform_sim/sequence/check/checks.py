"""Run all checks of a sequence file, in the order in which a person fixes their findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from plugin_kit.calling import PluginMetadata

from platform_sim.pin_map.model import PinMap
from platform_sim.sequence.check.code_modules import check_code_module
from platform_sim.sequence.check.expressions import ExpressionChecks
from platform_sim.sequence.check.file_structure import check_structure
from platform_sim.sequence.check.finding import Finding
from platform_sim.sequence.check.measurements import check_measurement
from platform_sim.sequence.check.pins import check_pin_map, check_pins
from platform_sim.sequence.interpreter import Interpreters
from platform_sim.sequence.model import MeasurementCall, PinMapUpdate, PythonCall, SequenceFile
from platform_sim.sequence.property_tree import read_property_file
from platform_sim.sequence.refusals import FORCED_MODES, at_step, refusals
from platform_sim.sequence.seq_reader import sequence_file as translate
from platform_sim.sequence.variables import ExecutionVariables


def check_sequence_file(
    path: Path,
    *,
    environment: Mapping[str, str],
    discovery_address: str | None = None,
    python: Path | None = None,
) -> list[Finding]:
    """Check a sequence file.

    Args:
        path: A .seq file in XML form.
        environment: Environment variables for the interpreters that import the code modules.
        discovery_address: HOST:PORT of a platform. Measurement steps are compared with its
            plug-ins. None leaves this check out.
        python: Python to use instead of the environments that the file names.

    Returns:
        The findings; none if the file has no errors.

    Raises:
        SequenceFileError: The file cannot be read at all.
    """
    path = path.resolve()
    parsed = read_property_file(path)
    content = translate(parsed.data)
    findings = [*check_structure(parsed)]
    findings += [Finding(one.where, one.problem, one.remedy) for one in refusals(content)]

    def report(substitution: str) -> None:
        findings.append(
            Finding("file", substitution, "Choose another with --python", is_error=False)
        )

    with Interpreters(path, environment, python, report) as interpreters:
        findings += _check_steps(content, path.parent, interpreters, discovery_address)
    return findings


def _check_steps(
    content: SequenceFile, folder: Path, interpreters: Interpreters, discovery_address: str | None
) -> Iterator[Finding]:
    main = content.main_sequence()
    if main is None:
        return
    variables = ExecutionVariables(content, main)
    in_expressions = ExpressionChecks(content, main, folder)
    pin_map: PinMap | None = None
    for group, step in main.steps():
        where = at_step(group, step)
        yield from in_expressions.check(where, step)
        if step.flow.mode in FORCED_MODES:
            continue
        if isinstance(step.call, PythonCall):
            yield from check_code_module(where, step.call, folder, interpreters)
        elif isinstance(step.call, PinMapUpdate):
            found, pin_map = check_pin_map(where, step.call, folder, variables)
            yield from found
        elif isinstance(step.call, MeasurementCall):
            metadata: PluginMetadata | None = None
            if discovery_address:
                found, metadata = check_measurement(where, step.call, discovery_address)
                yield from found
            if pin_map is not None:
                yield from check_pins(where, step.call, pin_map, variables, metadata)
