"""Read a .seq file in XML form into the model.

The places of the data are known from public files of TestStand 2021 with Python-adapter, Update Pin
Map and Measurement steps. A step of another type or adapter becomes an `UnknownCall`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from platform_sim.sequence.errors import SequenceFileError
from platform_sim.sequence.limit_expressions import with_limits
from platform_sim.sequence.model import (
    Call,
    MeasurementCall,
    MeasurementParameter,
    NoCall,
    Operation,
    PinMapUpdate,
    PythonArgument,
    PythonCall,
    PythonEnvironment,
    Scope,
    Sequence,
    SequenceFile,
    Step,
    StepFlow,
    UnknownCall,
    Wait,
)
from platform_sim.sequence.property_tree import Property, read_property_file

RETURN_VALUE = "Return Value"
"""Name of the first element of a Python call's parameters. It is not an argument."""

_PLAIN_STEP_TYPES = frozenset({"Action", "Statement"})
"""Step types that only call their module and evaluate their expressions."""

_PYTHON_ADAPTER = "CPythonModule"
_NONE_ADAPTER = "NoneModule"
_ADAPTERS = {"FGModule": "LabVIEW", "DotNetModule": ".NET", "FCModule": "C/C++ DLL"}
_TIME_INTERVAL = 0
"""The target of a Wait step (``WaitForTarget``)."""


def read_sequence_file(path: Path) -> SequenceFile:
    """Read a sequence file in XML form.

    Raises:
        SequenceFileError: The file cannot be read, has another form, or is damaged.
    """
    data = read_property_file(path).data
    try:
        return sequence_file(data)
    except SequenceFileError as error:
        raise SequenceFileError(f"{path}: {error}") from None


def sequence_file(data: Property) -> SequenceFile:
    """Translate the data of a sequence file."""
    sequences = data.find("Seq")
    if sequences is None:
        raise SequenceFileError("the file has no sequences (Seq is missing under Data).")
    content = SequenceFile(
        sequences=tuple(_sequence(node) for node in sequences.elements),
        file_globals=_variables(data.find("FileGlobalDefaults")),
    )
    return with_limits(content)


def _sequence(node: Property) -> Sequence:
    variables = dict(_variables(node.find("Locals")))
    variables.pop("ResultList", None)
    return Sequence(
        name=node.name,
        setup=_steps(node.find("Setup")),
        main=_steps(node.find("Main")),
        cleanup=_steps(node.find("Cleanup")),
        locals=variables,
        parameters=_variables(node.find("Parameters")),
    )


def _steps(node: Property | None) -> tuple[Step, ...]:
    return tuple(_step(element) for element in node.elements) if node else ()


def _step(node: Property) -> Step:
    options = node.find("TS")
    return Step(
        name=node.name,
        call=_call(node),
        id=node.string("TS", "Id"),
        flow=_flow(options),
        unknown_options=tuple(_unknown_options(options)) if options else (),
    )


def _call(node: Property) -> Call:
    module = node.find("TS", "SData")
    if node.type_name == "NI_UpdatePinMap":
        return PinMapUpdate(node.string("PinMapPath"))
    if node.type_name == "NI_Measurement":
        return _measurement(node)
    if node.type_name == "NI_Wait":
        return _wait(node)
    if node.type_name not in _PLAIN_STEP_TYPES:
        return UnknownCall(f"step type {node.type_name or node.class_name or '(none)'}")
    if module is None or module.class_name == _NONE_ADAPTER:
        return NoCall()
    if module.class_name != _PYTHON_ADAPTER:
        return UnknownCall(_adapter(module))
    return _python_call(module)


def _adapter(module: Property) -> str:
    name = _ADAPTERS.get(module.class_name, module.class_name or module.type_name)
    return f"the {name} adapter"


def _wait(node: Property) -> Call:
    target = node.number("WaitForTarget")
    if target != _TIME_INTERVAL:
        return UnknownCall(f"waiting for something other than a time (WaitForTarget {target})")
    return Wait(node.string("TimeExpr"))


def _python_call(module: Property) -> Call:
    call = module.find("PythonCall")
    if call is None:
        raise SequenceFileError(f"line {module.line}: the Python step has no PythonCall.")
    try:
        operation = Operation(call.number("OperationType", default=1))
        scope = Scope(call.number("OperationScope"))
    except ValueError as error:
        return UnknownCall(f"Python operation: {error}")
    if call.string("InterpreterLocation"):
        return UnknownCall("a Python interpreter in a variable (InterpreterLocation)")
    parameters = call.find("Parameters")
    elements = parameters.elements if parameters else ()
    named = [(element.string("Name"), element.string("ArgumentValue")) for element in elements]
    return PythonCall(
        module=call.string("ModulePath"),
        function=call.string("FunctionOrAttributeName"),
        arguments=tuple(PythonArgument(*item) for item in named if item[0] != RETURN_VALUE),
        result=next((value for name, value in named if name == RETURN_VALUE), ""),
        operation=operation,
        scope=scope,
        class_name=call.string("ClassName"),
        instance=call.string("ClassInstanceLocation"),
        environment=_environment(call),
    )


def _environment(call: Property) -> PythonEnvironment:
    if call.flag("UseAdapterSettingsForInterpreterSession"):
        return PythonEnvironment(path="")
    return PythonEnvironment(
        version=call.string("PythonVersion"), path=call.string("PythonVirtualEnvironmentPath")
    )


def _measurement(node: Property) -> MeasurementCall:
    parameters = node.find("Measurement", "Parameters")
    return MeasurementCall(
        service_class=node.string("Measurement", "Name"),
        parameters=tuple(_parameter(item) for item in parameters.elements) if parameters else (),
        version=node.string("Measurement", "Version"),
    )


def _parameter(node: Property) -> MeasurementParameter:
    values = node.find("EnumDefinition")
    return MeasurementParameter(
        name=node.string("Name"),
        type=node.string("Type"),
        id=node.number("ID"),
        value=node.string("ArgumentValue"),
        output=node.string("Direction") == "Out",
        repeated=node.number("Dimension") > 0,
        specialization=node.string("TypeSpecialization") or "None",
        enum_values={item.name: item.number() for item in values.elements} if values else {},
        message_type=node.string("MessageType"),
        log=node.flag("Log"),
    )


def _flow(node: Property | None) -> StepFlow:
    if node is None:
        return StepFlow()
    usual = StepFlow()
    return StepFlow(
        precondition=node.string("PreCond"),
        mode=node.string("Mode", default=usual.mode),
        loop_type=node.string("LoopType", default=usual.loop_type),
        loop_initialize=node.string("LoopInitialize", default=usual.loop_initialize),
        loop_while=node.string("LoopWhile"),
        loop_increment=node.string("LoopIncrement", default=usual.loop_increment),
        loop_status=node.string("LoopStatus"),
        pre_expression=node.string("PreExpr"),
        post_expression=node.string("PostExpr"),
        status_expression=node.string("StatusExpr"),
        pass_action=node.string("PassAct", default=usual.pass_action),
        fail_action=node.string("FailAct", default=usual.fail_action),
        ignore_errors=node.flag("IgnoreRTE"),
        failure_fails_sequence=node.flag("StepFCSeqF", default=True),
    )


def _unknown_options(node: Property) -> Iterator[str]:
    if node.flag("SwitchEnabled"):
        yield "switching (SwitchEnabled)"
    actions = {node.string(key, default="Next") for key in ("CustTrueAct", "CustFalseAct")}
    if node.string("CustExpr") and actions != {"Next"}:
        yield "a post action on a custom condition (CustExpr)"


def _variables(node: Property | None) -> dict[str, object]:
    return {name: _value(child) for name, child in node.children.items()} if node else {}


def _value(node: Property) -> object:
    """Return the default of a variable as plain Python: container, array, or scalar."""
    if node.children or (node.class_name == "Obj" and not node.text):
        return _variables(node)
    if node.upper_bound is not None:
        return [
            _plain(element.text, node.class_name.removesuffix("s")) for element in node.elements
        ]
    return _plain(node.text, node.class_name, node.representation)


def _plain(text: str, class_name: str, representation: str = "") -> object:
    if class_name == "Bool":
        return text.strip().lower() == "true"
    if class_name == "Num":
        return int(text) if representation else float(text or 0)
    return text
