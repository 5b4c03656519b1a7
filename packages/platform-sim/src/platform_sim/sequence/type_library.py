"""Take TestStand's type definitions from a sequence file that the user's TestStand saved.

A sequence file contains the definitions of the types that it uses. They are NI's, some are locked,
and this package ships none. Without a sample the file has an empty type list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from platform_sim.sequence.errors import SequenceFileError
from platform_sim.sequence.property_tree import NAMESPACE, read_property_file

_TYPELIST = re.compile(r"[ \t]*<typelist\b.*?</typelist>", re.DOTALL)
_CLEAR_TYPES = frozenset({"Action", "NI_PythonParameter", "PythonStepAdditions"})
LOCKED_TYPES = ("NI_Measurement", "NI_MeasurementParameter", "NI_UpdatePinMap")

DEFAULT_HEADER = {
    "type": "SequenceFile",
    "fileversion": "962",
    "productname": "TestStand",
    "productversion": "2021 SP1 (21.1.0.49154)",
    "compatibleversion": "21.0.0.0",
    "buildversion": "21.0.0.49156",
}
"""The header that TestStand 2021 SP1 writes. The header of a sample takes precedence."""


@dataclass(frozen=True, slots=True)
class TypeLibrary:
    """Type definitions and the header that belongs to them."""

    header: dict[str, str]
    """Attributes of the root element."""

    namespace: str
    """XML namespace of the file."""

    typelist: str
    """The ``<typelist>`` element as text; empty for none."""


NO_TYPES = TypeLibrary(DEFAULT_HEADER, NAMESPACE, "")
"""No definitions. This is enough to run here, but TestStand needs them."""


def types_from(sample: Path) -> TypeLibrary:
    """Take the type definitions from a sequence file in XML form.

    Args:
        sample: A file with at least one Python Action, one Update Pin Map and one Measurement step.

    Raises:
        SequenceFileError: The file cannot be read, or a needed definition is missing.
    """
    parsed = read_property_file(sample)
    missing = sorted(_CLEAR_TYPES - parsed.defined_types)
    locked_in_clear = parsed.defined_types.intersection(LOCKED_TYPES)
    if parsed.locked_types + len(locked_in_clear) < len(LOCKED_TYPES):
        missing += [name for name in LOCKED_TYPES if name not in locked_in_clear]
    if missing:
        raise SequenceFileError(
            f"{sample} does not define {', '.join(missing)}. Save a sequence that has a Python "
            "Action step, an Update Pin Map step and a Measurement step, and use that file."
        )
    text = sample.read_text(encoding="utf-8-sig")
    typelist = _TYPELIST.search(text)
    namespace = re.search(r"""xmlns=["']([^"']+)["']""", text)
    if typelist is None or namespace is None:
        raise SequenceFileError(f"{sample} has no <typelist>. Save it again in TestStand.")
    header = {name: value for name, value in parsed.header.items() if not name.startswith("{")}
    return TypeLibrary(header, namespace[1], typelist[0].lstrip())
