"""The data of a sequence file: sequences, steps, and the call of each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from plugin_kit import OutputLimits

Variables = Mapping[str, object]
"""Default values of variables by name. A mapping is a container."""


class Group(Enum):
    """Step groups of a sequence, in the order of a run."""

    SETUP = "Setup"
    MAIN = "Main"
    CLEANUP = "Cleanup"


class Operation(Enum):
    """The operation of the Python adapter on a name. The values are TestStand's."""

    CREATE_CLASS = 0
    CALL = 1
    GET_ATTRIBUTE = 2
    SET_ATTRIBUTE = 3


class Scope(Enum):
    """The place in which the Python adapter finds a name. The values are TestStand's."""

    MODULE = 0
    CLASS = 1
    INSTANCE = 2


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """The interpreter that a Python step needs."""

    version: str = ""
    """Such as ``3.11``; empty if the file gives none."""

    path: str = ".venv"
    """Virtual environment, relative to the sequence file. Empty means the installed Python."""


@dataclass(frozen=True, slots=True)
class PythonArgument:
    """One argument of a Python call."""

    name: str
    """Parameter name."""

    value: str
    """Expression."""


@dataclass(frozen=True, slots=True)
class PythonCall:
    """A step that calls into a Python code module."""

    module: str
    """Path of the module, relative to the sequence file."""

    function: str
    """Function, class or attribute."""

    arguments: tuple[PythonArgument, ...] = ()
    """In the order of the call."""

    result: str = ""
    """Expression of the variable that gets the return value; empty to drop it."""

    operation: Operation = Operation.CALL
    """The operation on the name."""

    scope: Scope = Scope.MODULE
    """The place of the name."""

    class_name: str = ""
    """Class of a class or instance operation."""

    instance: str = ""
    """Expression of the variable that contains an instance."""

    environment: PythonEnvironment = PythonEnvironment()
    """Interpreter."""


@dataclass(frozen=True, slots=True)
class PinMapUpdate:
    """A step that loads a pin map and makes it the active one."""

    path: str
    """Expression of the path, relative to the sequence file."""


@dataclass(frozen=True, slots=True)
class MeasurementParameter:
    """An input or output of a measurement step."""

    name: str
    """Name in the plug-in's metadata."""

    type: str
    """TestStand's name of the type, such as ``TypeDouble``."""

    id: int
    """Field number in the plug-in's metadata."""

    value: str = ""
    """Expression. For an output, the variable that gets it; empty to drop it."""

    output: bool = False
    """True for an output."""

    repeated: bool = False
    """True for an array."""

    specialization: str = "None"
    """``None``, ``Pin``, ``IOResource``, ``Path`` or ``Enum``."""

    enum_values: Mapping[str, int] = field(default_factory=dict)
    """The numbers of an enumeration by name."""

    message_type: str = ""
    """Protobuf message of a message parameter."""

    log: bool = False
    """True if TestStand writes it into its report."""


@dataclass(frozen=True, slots=True)
class MeasurementCall:
    """A step that calls a measurement plug-in."""

    service_class: str
    """Service class of the plug-in."""

    parameters: tuple[MeasurementParameter, ...] = ()
    """Inputs and outputs."""

    version: str = ""
    """Version of the plug-in; empty for the latest."""

    limits: Mapping[str, OutputLimits] = field(default_factory=dict)
    """Limits by output. The step passes if all values are within them."""

    @property
    def inputs(self) -> tuple[MeasurementParameter, ...]:
        """The inputs."""
        return tuple(parameter for parameter in self.parameters if not parameter.output)

    @property
    def outputs(self) -> tuple[MeasurementParameter, ...]:
        """The outputs."""
        return tuple(parameter for parameter in self.parameters if parameter.output)


@dataclass(frozen=True, slots=True)
class Wait:
    """A step that waits for a time."""

    seconds: str
    """Expression."""

    what: ClassVar = "step type NI_Wait"
    """Its type, for messages of modules that only read it."""


@dataclass(frozen=True, slots=True)
class NoCall:
    """A step that calls nothing. Its expressions may still have an effect."""


@dataclass(frozen=True, slots=True)
class UnknownCall:
    """A step whose type or adapter this package does not know."""

    what: str
    """Its name in the file, such as ``step type SequenceCall``."""


Call = PythonCall | PinMapUpdate | MeasurementCall | Wait | NoCall | UnknownCall


@dataclass(frozen=True, slots=True)
class StepFlow:
    """The options for the precondition, loop, expressions and consequences of a step.

    The defaults are TestStand's own for a new step.
    """

    precondition: str = ""
    """Expression. If it is false, the step is skipped."""

    mode: str = "Normal"
    """Run mode: ``Normal``, ``Skip``, ``ForcePass`` or ``ForceFail``."""

    loop_type: str = "NoLooping"
    """Name of the looping type. The loop expressions define the loop."""

    loop_initialize: str = "RunState.LoopIndex = 0"
    """Expression, evaluated one time before a loop."""

    loop_while: str = ""
    """Expression. The loop continues while it is true."""

    loop_increment: str = "RunState.LoopIndex += 1"
    """Expression, evaluated after each iteration."""

    loop_status: str = ""
    """Expression of the status of the whole loop."""

    pre_expression: str = ""
    """Expression evaluated before the call."""

    post_expression: str = ""
    """Expression evaluated after the call."""

    status_expression: str = ""
    """Expression of the status: a string, or true for passed."""

    pass_action: str = "Next"  # noqa: S105
    """Action after a step that passed."""

    fail_action: str = "Next"
    """Action after a step that failed."""

    ignore_errors: bool = False
    """True if the sequence continues after an error in this step."""

    failure_fails_sequence: bool = True
    """True if the sequence fails when this step fails."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step."""

    name: str
    """Name for people. Several steps can have the same."""

    call: Call
    """The call of the step."""

    id: str = ""
    """Unique id, such as ``ID#:…``."""

    flow: StepFlow = StepFlow()
    """Its precondition, loop, expressions and consequences."""

    unknown_options: tuple[str, ...] = ()
    """Options in the file that this package does not know, such as ``switching``."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence of steps."""

    name: str
    """Name. Execution starts at ``MainSequence``."""

    setup: tuple[Step, ...] = ()
    """Steps that run first."""

    main: tuple[Step, ...] = ()
    """Steps that run as long as nothing has failed."""

    cleanup: tuple[Step, ...] = ()
    """Steps that always run."""

    locals: Variables = field(default_factory=dict)
    """Local variables."""

    parameters: Variables = field(default_factory=dict)
    """Parameters with their defaults."""

    def group(self, group: Group) -> tuple[Step, ...]:
        """Return the steps of a group."""
        return {Group.SETUP: self.setup, Group.MAIN: self.main, Group.CLEANUP: self.cleanup}[group]

    def steps(self) -> Iterator[tuple[Group, Step]]:
        """Yield every step with its group, in the order of a run."""
        for group in Group:
            for step in self.group(group):
                yield group, step


@dataclass(frozen=True, slots=True)
class SequenceFile:
    """The content of a sequence file."""

    sequences: tuple[Sequence, ...]
    """The sequences."""

    file_globals: Variables = field(default_factory=dict)
    """Variables of the file."""

    def main_sequence(self) -> Sequence | None:
        """Return the sequence at which execution starts, None if it is missing."""
        return next((item for item in self.sequences if item.name == "MainSequence"), None)
