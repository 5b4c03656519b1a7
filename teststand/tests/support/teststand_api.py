"""The members of TestStand's API that the COM builder needs, as NI's API reference lists them.

Each class has its members: a property with its class ("" for plain values), or a method with the
least and the largest number of its arguments and the class of its result. Only facts stand here;
where the reference and public programs differ, the reference decides.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Property:
    """A property of a class."""

    value: str = ""
    """Class of the value; "" for a number, a text or a boolean."""

    writable: bool = False
    """Whether it can be set."""


@dataclass(frozen=True)
class Method:
    """A method of a class."""

    least: int
    """Number of arguments that have no default."""

    most: int
    """Number of all arguments."""

    result: str = ""
    """Class of the result; "" for none, or a plain value."""


SET = Property(writable=True)
SET_VALUE = Method(3, 3)  # lookup string, options, value

API: dict[str, dict[str, Property | Method]] = {
    "Engine": {
        "LoadTypePaletteFilesEx": Method(0, 2),  # conflict handler, options
        "NewSequenceFile": Method(0, 0, "SequenceFile"),
        "NewStep": Method(2, 2, "Step"),  # adapter key, step type
        "ReleaseSequenceFileEx": Method(1, 2),  # file, options
    },
    "SequenceFile": {
        "FileGlobalsDefaultValues": Property("PropertyObject"),
        "GetSequenceByName": Method(1, 1, "Sequence"),
        "AsPropertyObjectFile": Method(0, 0, "PropertyObjectFile"),
        "Save": Method(0, 1),  # path
    },
    "PropertyObjectFile": {"FileWritingFormat": SET},
    "Sequence": {
        "Locals": Property("PropertyObject"),
        "Parameters": Property("PropertyObject"),
        "InsertStep": Method(3, 3),  # step, index, step group
    },
    "Step": {
        "Name": SET,
        "CreateNewUniqueStepId": Method(0, 0),
        "AsPropertyObject": Method(0, 0, "PropertyObject"),
        "Module": Property("PythonModule"),  # Module, of which the adapter's interface is acquired
    },
    "PropertyObject": {
        "Name": SET,
        "SetValBoolean": SET_VALUE,
        "SetValNumber": SET_VALUE,
        "SetValString": SET_VALUE,
        "NewSubProperty": Method(
            5, 5
        ),  # lookup string, type of value, as array, type name, options
        "SetNumElements": Method(1, 2),  # number, options: of the object itself
        "GetPropertyObject": Method(2, 2, "PropertyObject"),  # lookup string, options
    },
    "PythonModule": {
        "ModulePath": SET,
        "OperationType": SET,
        "OperationScope": SET,
        "FunctionOrAttributeName": SET,
        "ClassName": SET,
        "ClassInstanceLocationExpr": SET,  # the saved property is named ClassInstanceLocation
        "UseAdapterSettingsForInterpreterSession": SET,
        "InterpreterSessionScope": SET,
        "CreateInterpreterSessionIfDoesNotExist": SET,
        "PythonVersion": SET,
        "PythonVirtualEnvironmentPath": SET,
        "Parameters": Property("PythonParameters"),
    },
    "PythonParameters": {
        "Count": Property(),
        "Item": Method(1, 1, "PythonParameter"),  # index; 0 is the return value
        "New": Method(4, 4),  # index, name, value expression, category
    },
    "PythonParameter": {"ValueExpr": SET, "Category": SET},
}

CONSTANTS = {
    "ConflictHandler_Error": 1,
    "StepGroup_Setup": 0,
    "StepGroup_Main": 1,
    "StepGroup_Cleanup": 2,
    "FileWritingFormat_XML": 3,
    "PropOption_InsertIfMissing": 1,
    "PropValType_Number": 3,
    "PythonInterpreterSessionScope_PerExecution": 2,
    "PythonParamCategory_Dynamic": 7,
}
