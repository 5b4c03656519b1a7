"""Build a sequence file from the model of a sequence, by calls of the TestStand API.

**Never run in TestStand.** A test checks each name, number of arguments and value against NI's API
reference. Two things are not known. The reference says that a program acquires the interface of the
Python adapter from `Step.Module`; it is not known whether a late-bound object shows it at once. And
no public program builds Measurement steps in this way; their properties are those that TestStand
saves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from platform_sim.sequence.errors import UnsupportedError
from platform_sim.sequence.limit_expressions import with_limit_expressions
from platform_sim.sequence.model import (
    Group,
    MeasurementCall,
    MeasurementParameter,
    PinMapUpdate,
    PythonCall,
    Sequence,
    SequenceFile,
    Step,
    StepFlow,
)
from platform_sim.sequence.step_xml import step_type

PYTHON_ADAPTER = "Python Adapter"
NONE_ADAPTER = "None Adapter"
STEP_GROUPS = {Group.SETUP: 0, Group.MAIN: 1, Group.CLEANUP: 2}
"""Values of the StepGroups enumeration."""

REFUSE_CONFLICTS = 1
"""Value of TypeConflictHandlerTypes that raises an error. The usual value opens a dialog."""

XML_FORMAT = 3
"""Value of FileWritingFormat for XML."""

INSERT_IF_MISSING = 0x1
"""PropertyOption by which a Set call creates a missing property."""

EXECUTION_SCOPE = 2
"""Interpreter session that ends with the execution."""

DYNAMIC = 7
"""Value of PythonParameterCategories: TestStand finds out the type of the argument."""

NUMBER = 3
"""Value of PropertyValueTypes for a number."""

_FLOW_PROPERTIES = {
    "precondition": "TS.PreCond",
    "mode": "TS.Mode",
    "loop_type": "TS.LoopType",
    "loop_initialize": "TS.LoopInitialize",
    "loop_while": "TS.LoopWhile",
    "loop_increment": "TS.LoopIncrement",
    "loop_status": "TS.LoopStatus",
    "pre_expression": "TS.PreExpr",
    "post_expression": "TS.PostExpr",
    "status_expression": "TS.StatusExpr",
    "pass_action": "TS.PassAct",
    "fail_action": "TS.FailAct",
    "ignore_errors": "TS.IgnoreRTE",
    "failure_fails_sequence": "TS.StepFCSeqF",
}


class ComBuilder:
    """Builds sequence files with a TestStand engine.

    Args:
        engine: The COM object ``TestStand.Engine``.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        # Without its palettes the engine does not know the Measurement and Pin Map step types.
        engine.LoadTypePaletteFilesEx(REFUSE_CONFLICTS, 0)

    def build(self, content: SequenceFile, path: Path) -> None:
        """Build a sequence file and save it in XML form.

        Raises:
            UnsupportedError: The model has more than a main sequence, or a step of an unknown type.
        """
        content = with_limit_expressions(content)
        main = content.main_sequence()
        if main is None or len(content.sequences) != 1:
            raise UnsupportedError(
                "the builder can only build files with one sequence, MainSequence."
            )
        sequence_file = self._engine.NewSequenceFile()
        try:
            self._set_variables(sequence_file.FileGlobalsDefaultValues, content.file_globals)
            self._fill(sequence_file.GetSequenceByName(main.name), main)
            sequence_file.AsPropertyObjectFile().FileWritingFormat = XML_FORMAT
            sequence_file.Save(str(path))
        finally:
            self._engine.ReleaseSequenceFileEx(sequence_file)

    def _fill(self, target: Any, sequence: Sequence) -> None:
        self._set_variables(target.Locals, sequence.locals)
        self._set_variables(target.Parameters, sequence.parameters)
        for group in Group:
            for index, step in enumerate(sequence.group(group)):
                target.InsertStep(self._step(step), index, STEP_GROUPS[group])

    def _step(self, step: Step) -> Any:
        adapter = PYTHON_ADAPTER if isinstance(step.call, PythonCall) else NONE_ADAPTER
        made = self._engine.NewStep(adapter, step_type(step))
        made.Name = step.name
        made.CreateNewUniqueStepId()
        properties = made.AsPropertyObject()
        for lookup, value in _flow_properties(step.flow):
            _set(properties, lookup, value)
        if isinstance(step.call, PythonCall):
            _fill_python_module(made.Module, step.call)
        elif isinstance(step.call, PinMapUpdate):
            _set(properties, "PinMapPath", step.call.path)
        elif isinstance(step.call, MeasurementCall):
            _fill_measurement(properties, step.call)
        return made

    def _set_variables(self, target: Any, values: Any, prefix: str = "") -> None:
        for name, value in values.items():
            if isinstance(value, dict):
                self._set_variables(target, value, f"{prefix}{name}.")
            elif isinstance(value, list) and all(isinstance(item, float) for item in value):
                lookup = f"{prefix}{name}"
                target.NewSubProperty(lookup, NUMBER, True, "", INSERT_IF_MISSING)
            elif isinstance(value, list):
                raise UnsupportedError(
                    f"the builder cannot build arrays of texts or booleans ({prefix}{name})."
                )
            else:
                _set(target, f"{prefix}{name}", value)


def _flow_properties(flow: StepFlow) -> Iterator[tuple[str, object]]:
    """Yield the options that differ from those of a new step."""
    usual = StepFlow()
    for item in fields(StepFlow):
        value = getattr(flow, item.name)
        if value != getattr(usual, item.name):
            yield _FLOW_PROPERTIES[item.name], value


def _fill_python_module(module: Any, call: PythonCall) -> None:
    module.ModulePath = call.module
    module.OperationType = call.operation.value
    module.OperationScope = call.scope.value
    module.FunctionOrAttributeName = call.function
    if call.class_name:
        module.ClassName = call.class_name
    if call.instance:
        module.ClassInstanceLocationExpr = call.instance
    module.UseAdapterSettingsForInterpreterSession = False
    module.InterpreterSessionScope = EXECUTION_SCOPE
    module.CreateInterpreterSessionIfDoesNotExist = True
    module.PythonVersion = call.environment.version
    module.PythonVirtualEnvironmentPath = call.environment.path
    parameters = module.Parameters  # the first one is the return value
    for argument in call.arguments:
        parameters.New(parameters.Count, argument.name, argument.value, DYNAMIC)
    if call.result:
        parameters.Item(0).ValueExpr = call.result


def _fill_measurement(properties: Any, call: MeasurementCall) -> None:
    _set(properties, "Measurement.Name", call.service_class)
    if call.version:
        _set(properties, "Measurement.Version", call.version)
    _set_length(properties, "Measurement.Parameters", len(call.parameters))
    for index, parameter in enumerate(call.parameters):
        for lookup, value in _parameter_properties(parameter):
            _set(properties, f"Measurement.Parameters[{index}].{lookup}", value)
        definition = f"Measurement.Parameters[{index}].EnumDefinition"
        if parameter.enum_values:
            _set_length(properties, definition, len(parameter.enum_values))
        for number, (name, value) in enumerate(parameter.enum_values.items()):
            _set(properties, f"{definition}[{number}]", value)
            properties.GetPropertyObject(f"{definition}[{number}]", 0x0).Name = name


def _parameter_properties(parameter: MeasurementParameter) -> Iterator[tuple[str, object]]:
    yield "MessageType", parameter.message_type
    yield "Name", parameter.name
    yield "ArgumentValue", parameter.value
    yield "Direction", "Out" if parameter.output else "In"
    yield "Log", parameter.log
    yield "Dimension", int(parameter.repeated)
    yield "Type", parameter.type
    yield "ID", parameter.id
    yield "TypeSpecialization", parameter.specialization


def _set_length(properties: Any, lookup: str, length: int) -> None:
    properties.GetPropertyObject(lookup, 0x0).SetNumElements(length, 0x0)


def _set(properties: Any, lookup: str, value: object) -> None:
    if isinstance(value, bool):
        properties.SetValBoolean(lookup, INSERT_IF_MISSING, value)
    elif isinstance(value, (int, float)):
        properties.SetValNumber(lookup, INSERT_IF_MISSING, value)
    else:
        properties.SetValString(lookup, INSERT_IF_MISSING, value)
