"""Write the XML of one step: the few properties that vary, and many that TestStand always writes.

The constants are the values that TestStand 2021 SP1 saves for a new step.
"""

from __future__ import annotations

from platform_sim.sequence.errors import UnsupportedError
from platform_sim.sequence.model import (
    MeasurementCall,
    MeasurementParameter,
    NoCall,
    PinMapUpdate,
    PythonCall,
    Step,
    StepFlow,
)
from platform_sim.sequence.property_xml import ARRAY_ELEMENT, array, container, element, leaf
from platform_sim.sequence.seq_reader import RETURN_VALUE
from platform_sim.sequence.xml_text import Element

_DYNAMIC = 7
"""Type code of a Python argument of any type."""

_EXECUTION = 2
"""Scope code of an interpreter that lives as long as the execution."""

_RESULT_FLAGS = 8192
_LOGGED = 2
_NOT_LOGGED = 1

_ICONS = {
    "NI_Measurement": "Measurement\\Measurement.ico",
    "NI_UpdatePinMap": "NI_SequenceEditor\\StepSettings\\ni_UpdateMapping.ico",
}


def step_xml(step: Step) -> Element:
    """Build the XML of a step.

    Raises:
        UnsupportedError: Only the reader knows the type or the options of the step.
    """
    type_name = step_type(step)
    if step.unknown_options:
        options = ", ".join(step.unknown_options)
        raise UnsupportedError(f"Step {step.name!r} ({options}) cannot be written.")
    children = [
        container("TS", _common(step, type_name)),
        _result(),
    ]
    if isinstance(step.call, MeasurementCall):
        children.append(_measurement(step.call))
    if isinstance(step.call, PinMapUpdate):
        children.append(leaf("PinMapPath", "PathValue", step.call.path))
    return element("Step", children, name=step.name, type_name=type_name)


def step_type(step: Step) -> str:
    """Return TestStand's name of the type of a step.

    Raises:
        UnsupportedError: Only the reader knows the type of the step.
    """
    if isinstance(step.call, MeasurementCall):
        return "NI_Measurement"
    if isinstance(step.call, PinMapUpdate):
        return "NI_UpdatePinMap"
    if isinstance(step.call, (PythonCall, NoCall)):
        return "Action"
    raise UnsupportedError(f"Step {step.name!r} ({step.call.what}) cannot be written.")


def _common(step: Step, type_name: str) -> list[Element]:
    flow = step.flow
    head = [leaf("Id", "Str", step.id), leaf("Icon", "Str", _ICONS.get(type_name, ""))]
    if isinstance(step.call, PythonCall):
        head.append(_python_module(step.call))
    can_specify = [] if type_name == "NI_Measurement" else [("CanSpecifyModule", "Bool", True)]
    rows: list[tuple[str, str, object]] = [
        ("PreCond", "ExprValue", flow.precondition),
        ("LoadOpt", "Str", "PreloadWhenExecuted"),
        ("UnloadOpt", "Str", "UnloadWithFile"),
        ("Mode", "Str", flow.mode),
        ("WindowActivation", "Str", "None"),
        ("ResultOption", "Num", 1 if type_name == "NI_Measurement" else 0),
        ("StepFCSeqF", "Bool", flow.failure_fails_sequence),
        ("IgnoreRTE", "Bool", flow.ignore_errors),
        *_switching(type_name),
        *_after_step(flow),
        *_looping(flow),
        ("PreExpr", "ExprValue", flow.pre_expression),
        ("PostExpr", "ExprValue", flow.post_expression),
        ("StatusExpr", "ExprValue", flow.status_expression),
        *can_specify,
        ("CanEditCode", "Bool", True),
        ("CanEditModulePrototype", "Bool", True),
        ("CanEditParameterAdditionalResults", "Bool", True),
        ("PrecondIntExe", "Num", 0),
    ]
    tail = [
        array(name, "Objs", prototype=_custom_result())
        for name in ("CustomResults", "AdditionalResultsHints")
    ]
    return [*head, *(leaf(*row) for row in rows), *tail]


def _switching(type_name: str) -> list[tuple[str, str, object]]:
    """Return locks and switch routes. They are not used, but always written."""
    return [
        ("UseMutex", "Bool", False),
        ("MutexNameOrRef", "ExprValue", ""),
        ("BatchSyncOpt", "Num", 0),
        ("SwitchEnabled", "Bool", False),
        ("VirtualDeviceName", "ExprValue", ""),
        ("SwitchOperation", "Num", 1),
        ("RouteGroupConnect", "ExprValue", ""),
        ("RouteGroupDisconnect", "ExprValue", ""),
        ("MulticonnectMode", "Num", 1),
        ("OperationOrder", "Num", 2),
        ("ConnectionLifetime", "Num", 0 if type_name == "Action" else 4),
        ("WaitForDebounce", "Bool", True),
    ]


def _after_step(flow: StepFlow) -> list[tuple[str, str, object]]:
    return [
        ("PassAct", "Str", flow.pass_action),
        ("FailAct", "Str", flow.fail_action),
        ("PassActTarget", "ExprValue", ""),
        ("FailActTarget", "ExprValue", ""),
        ("CustExpr", "ExprValue", ""),
        ("CustTrueAct", "Str", "Next"),
        ("CustFalseAct", "Str", "Next"),
        ("CustTrueActTarget", "ExprValue", ""),
        ("CustFalseActTarget", "ExprValue", ""),
    ]


def _looping(flow: StepFlow) -> list[tuple[str, str, object]]:
    return [
        ("LoopType", "Str", flow.loop_type),
        ("LoopWhile", "ExprValue", flow.loop_while),
        ("LoopStatus", "ExprValue", flow.loop_status),
        ("LoopIncrement", "ExprValue", flow.loop_increment),
        ("LoopInitialize", "ExprValue", flow.loop_initialize),
        ("LoopOpt", "Num", 0),
    ]


def _custom_result() -> Element:
    no_elements = array("LowerBounds", "Nums"), array("UpperBounds", "Nums")
    result_type = [
        leaf("ValueType", "Num", 3),
        leaf("IsObject", "Bool", True),
        leaf("TypeName", "Str"),
        array("ElementType", "Objs"),
        container("ArrayDimensions", no_elements, class_name="ArrayDimensions"),
        leaf("Representation", "Num", 1),
        leaf("ClassName", "Str"),
    ]
    children = [
        leaf("Name", "ExprValue"),
        leaf("ValueToLog", "ExprValue"),
        leaf("Condition", "ExprValue"),
        leaf("Flags", "Num", _RESULT_FLAGS),
        leaf("CheckedState", "Num", _LOGGED),
        container("Type", result_type, class_name="PropertyObjectType"),
        array("Elements", "Objs"),
        leaf("IsAnyType", "Bool", True),
    ]
    return element(ARRAY_ELEMENT, children, class_name="CustomResult")


def _result() -> Element:
    error = [leaf("Code", "Num", 0), leaf("Msg", "Str"), leaf("Occurred", "Bool", False)]
    return container(
        "Result",
        [
            container("Error", error),
            leaf("Status", "Str"),
            leaf("ReportText", "Str"),
            container("Common"),
        ],
    )


def _python_module(call: PythonCall) -> Element:
    arguments = [
        _python_argument(RETURN_VALUE, call.result, _NOT_LOGGED),
        *(_python_argument(item.name, item.value, _LOGGED) for item in call.arguments),
    ]
    prototype = Element(
        ARRAY_ELEMENT, {"name": "", "classname": "CPythonParameter", "structureflags": "0"}
    )
    children = [
        leaf("UseAdapterSettingsForInterpreterSession", "Bool", False),
        leaf("InterpreterSessionScope", "Num", _EXECUTION),
        leaf("PythonVersion", "Str", call.environment.version),
        leaf("PythonVirtualEnvironmentPath", "Str", call.environment.path),
        leaf("InterpreterLocation", "ExprValue"),
        leaf("CreateIfInterpreterDoesNotExist", "Bool", True),
        leaf("ModulePath", "PathValue", call.module),
        leaf("OperationType", "Num", call.operation.value),
        leaf("OperationScope", "Num", call.scope.value),
        leaf("ClassName", "Str", call.class_name),
        leaf("ClassInstanceLocation", "ExprValue", call.instance),
        leaf("FunctionOrAttributeName", "Str", call.function),
        array("Parameters", "Objs", arguments, prototype=prototype),
        leaf("DefaultParamCategoryForArray", "Num", 5),
    ]
    return container(
        "SData",
        [container("PythonCall", children, class_name="CPythonCall")],
        class_name="CPythonModule",
        type_name="PythonStepAdditions",
    )


def _python_argument(name: str, value: str, logged: int) -> Element:
    def additional(direction: str, state: int) -> Element:
        children = [
            leaf("Condition", "ExprValue"),
            leaf("Flags", "Num", _RESULT_FLAGS),
            leaf("CheckedState", "Num", state),
        ]
        return container(direction, children, class_name="PythonParameterResult")

    children = [
        leaf("Name", "Str", name),
        leaf("Type", "Num", _DYNAMIC),
        leaf("ArgumentValue", "ExprValue", value),
        leaf("ArgumentDisplayValue", "ExprValue"),
        container(
            "AdditionalResults", [additional("Input", logged), additional("Output", _NOT_LOGGED)]
        ),
    ]
    return element("CPythonParameter", children, type_name="NI_PythonParameter")


def _measurement(call: MeasurementCall) -> Element:
    parameters = [
        element(
            "Obj",
            [*_parameter(item, "Out" if item.output else "In"), _enum_definition(item)],
            type_name="NI_MeasurementParameter",
            has_xsi_type=False,
        )
        for item in call.parameters
    ]
    empty = MeasurementParameter(name="", type="", id=0, specialization="")
    prototype = element(ARRAY_ELEMENT, _parameter(empty, direction=""), class_name="Obj")
    version = [leaf("Version", "Str", call.version)] if call.version else []
    return container(
        "Measurement",
        [
            *version,
            leaf("Name", "Str", call.service_class),
            array("Parameters", "Objs", parameters, prototype=prototype),
        ],
    )


def _parameter(parameter: MeasurementParameter, direction: str) -> list[Element]:
    return [
        leaf("MessageType", "Str", parameter.message_type),
        leaf("Name", "Str", parameter.name),
        leaf("ArgumentValue", "ExprValue", parameter.value),
        leaf("Direction", "Str", direction),
        leaf("Log", "Bool", parameter.log),
        leaf("Dimension", "Num", int(parameter.repeated), representation="UInt64"),
        leaf("Type", "Str", parameter.type),
        leaf("ID", "Num", parameter.id, representation="Int64"),
        leaf("TypeSpecialization", "Str", parameter.specialization),
    ]


def _enum_definition(parameter: MeasurementParameter) -> Element:
    def number(name: str, value: int) -> Element:
        body = Element("value", {"representation": "Int64"}, text=str(value))
        return Element("Num", {"name": name}, (body,))

    values = [number(*item) for item in parameter.enum_values.items()]
    return array("EnumDefinition", "Objs", values)
