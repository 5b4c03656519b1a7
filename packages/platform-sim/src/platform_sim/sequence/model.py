"""What a sequence file says, in the terms of its author: sequences, steps, what each step calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

Variables = Mapping[str, object]
"""Default values of variables by name; a mapping stands for a container."""


class Group(Enum):
    """Step groups of a sequence, in the order in which they run."""

    SETUP = "Setup"
    MAIN = "Main"
    CLEANUP = "Cleanup"


class Operation(Enum):
    """What the Python adapter does with a name; the values are TestStand's."""

    CREATE_CLASS = 0
    CALL = 1
    GET_ATTRIBUTE = 2
    SET_ATTRIBUTE = 3


class Scope(Enum):
    """Where the Python adapter looks a name up; the values are TestStand's."""

    MODULE = 0
    CLASS = 1
    INSTANCE = 2


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """The interpreter that a Python step asks for."""

    version: str = ""
    """Such as ``3.11``; empty when the file does not say."""

    path: str = ".venv"
    """Virtual environment, relative to the sequence file; empty for the installed Python."""


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
    """Expression of the variable that takes the return value; empty to drop it."""

    operation: Operation = Operation.CALL
    """What to do with the name."""

    scope: Scope = Scope.MODULE
    """Where the name is looked up."""

    class_name: str = ""
    """Class of a class or instance operation."""

    instance: str = ""
    """Expression of the variable that holds an instance."""

    environment: PythonEnvironment = PythonEnvironment()
    """Interpreter."""


@dataclass(frozen=True, slots=True)
class PinMapUpdate:
    """A step that hands a pin map to the platform and makes it the active one."""

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
    """Expression; for an output the variable that takes it, empty to drop it."""

    output: bool = False
    """Direction."""

    repeated: bool = False
    """Whether it is an array."""

    specialization: str = "None"
    """``None``, ``Pin``, ``IOResource``, ``Path`` or ``Enum``."""

    enum_values: Mapping[str, int] = field(default_factory=dict)
    """Numbers by name of an enumeration."""

    message_type: str = ""
    """Protobuf message of a message parameter."""

    log: bool = False
    """Whether TestStand writes it into its report."""


@dataclass(frozen=True, slots=True)
class MeasurementCall:
    """A step that calls a measurement plug-in."""

    service_class: str
    """Service class of the plug-in."""

    parameters: tuple[MeasurementParameter, ...] = ()
    """Inputs and outputs."""

    version: str = ""
    """Version of the plug-in; empty for any."""

    @property
    def inputs(self) -> tuple[MeasurementParameter, ...]:
        """The parameters that go in."""
        return tuple(parameter for parameter in self.parameters if not parameter.output)

    @property
    def outputs(self) -> tuple[MeasurementParameter, ...]:
        """The parameters that come out."""
        return tuple(parameter for parameter in self.parameters if parameter.output)


@dataclass(frozen=True, slots=True)
class Wait:
    """A step that waits for a time."""

    seconds: str
    """Expression."""

    what: ClassVar = "step type NI_Wait"
    """Its type, for messages of what only reads it."""


@dataclass(frozen=True, slots=True)
class NoCall:
    """A step that calls nothing; its expressions may still do something."""


@dataclass(frozen=True, slots=True)
class UnknownCall:
    """A step whose type or adapter is not known here."""

    what: str
    """In the words of the file, such as ``step type SequenceCall``."""


Call = PythonCall | PinMapUpdate | MeasurementCall | Wait | NoCall | UnknownCall


@dataclass(frozen=True, slots=True)
class StepFlow:
    """The options that decide whether, how often and with what consequence a step runs.

    The defaults are TestStand's own for a new step.
    """

    precondition: str = ""
    """Expression; the step is skipped when it is false."""

    mode: str = "Normal"
    """Run mode: ``Normal``, ``Skip``, ``ForcePass`` or ``ForceFail``."""

    loop_type: str = "NoLooping"
    """Name of the looping type; the loop expressions say what it does."""

    loop_initialize: str = "RunState.LoopIndex = 0"
    """Expression evaluated once, before a loop."""

    loop_while: str = ""
    """Expression; the loop goes on while it is true."""

    loop_increment: str = "RunState.LoopIndex += 1"
    """Expression evaluated after every turn."""

    loop_status: str = ""
    """Expression of the status of the whole loop."""

    pre_expression: str = ""
    """Expression evaluated before the call."""

    post_expression: str = ""
    """Expression evaluated after the call."""

    status_expression: str = ""
    """Expression of the status: a string, or true for passed."""

    pass_action: str = "Next"  # noqa: S105
    """What follows a step that passed."""

    fail_action: str = "Next"
    """What follows a step that failed."""

    ignore_errors: bool = False
    """Whether an error in this step leaves the sequence going."""

    failure_fails_sequence: bool = True
    """Whether a step that failed makes the sequence fail."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step."""

    name: str
    """Name shown to people; need not be unique."""

    call: Call
    """What the step does."""

    id: str = ""
    """Unique id, such as ``ID#:…``."""

    flow: StepFlow = StepFlow()
    """When and how it runs."""

    unknown_options: tuple[str, ...] = ()
    """Options that the file sets and that are not known here, such as ``switching``."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence of steps."""

    name: str
    """Name; execution starts at ``MainSequence``."""

    setup: tuple[Step, ...] = ()
    """Steps that run first."""

    main: tuple[Step, ...] = ()
    """Steps that run while nothing has failed."""

    cleanup: tuple[Step, ...] = ()
    """Steps that run in any case."""

    locals: Variables = field(default_factory=dict)
    """Local variables."""

    parameters: Variables = field(default_factory=dict)
    """Parameters with their defaults."""

    def group(self, group: Group) -> tuple[Step, ...]:
        """Return the steps of a group."""
        return {Group.SETUP: self.setup, Group.MAIN: self.main, Group.CLEANUP: self.cleanup}[group]

    def steps(self) -> Iterator[tuple[Group, Step]]:
        """Yield every step with its group, in the order in which they run."""
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
        """Return the sequence at which execution starts, if the file has it."""
        return next((item for item in self.sequences if item.name == "MainSequence"), None)
