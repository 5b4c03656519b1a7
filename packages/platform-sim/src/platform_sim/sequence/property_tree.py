"""Read TestStand's XML form of properties. Each has a value, elements or sub-properties.

The grammar is known from public files that TestStand 2021 saved. The tag is the property's name (or
a placeholder, with the name in an attribute), ``classname`` its kind, ``typename`` its type. The
body is ``<value>`` with text, ``<value lbound ubound>`` with one ``<value>`` per element, or
``<subprops>``. The XML form has no checksum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from lxml import etree

from platform_sim.sequence.errors import SequenceFileError

NAMESPACE = "http://www.ni.com/TestStand/21.0.0/SequenceFile"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

_NAMESPACE_PREFIX = "http://www.ni.com/TestStand/"
_OTHER_FORMS = {b"TOF1": "binary", b"[Def": "INI"}


@dataclass(frozen=True, slots=True)
class Property:
    """One property."""

    name: str
    """Name; empty for most array elements."""

    class_name: str
    """Kind, such as ``Str``, ``Num``, ``Bool``, ``Objs``; empty if the file leaves it out."""

    type_name: str
    """TestStand type; empty for none."""

    text: str = ""
    """Text of a plain value."""

    representation: str = ""
    """``Int64`` or ``UInt64`` for integers; empty for doubles and everything else."""

    elements: tuple[Property, ...] = ()
    """Elements of an array."""

    upper_bound: int | None = None
    """Declared index of the last element; -1 for an empty array, None for no array."""

    children: dict[str, Property] = field(default_factory=dict)
    """Sub-properties by name, in file order."""

    line: int = 0
    """Line in the file."""

    def find(self, *path: str) -> Property | None:
        """Return the sub-property at a path of names, or None."""
        node: Property | None = self
        for name in path:
            node = node.children.get(name) if node else None
        return node

    def string(self, *path: str, default: str = "") -> str:
        """Return the text of the sub-property at a path, or a default."""
        node = self.find(*path)
        return node.text if node else default

    def number(self, *path: str, default: int = 0) -> int:
        """Return the whole number at a path, or a default.

        Raises:
            SequenceFileError: The text is not a number.
        """
        node = self.find(*path)
        if node is None or not node.text:
            return default
        try:
            return int(float(node.text))
        except ValueError:
            raise SequenceFileError(
                f"line {node.line}: {node.name} is {node.text!r}, not a number."
            ) from None

    def flag(self, *path: str, default: bool = False) -> bool:
        """Return the boolean at a path, or a default."""
        node = self.find(*path)
        return default if node is None else node.text.strip().lower() == "true"

    def walk(self) -> Iterator[Property]:
        """Yield this property and all below it."""
        yield self
        for node in (*self.children.values(), *self.elements):
            yield from node.walk()


@dataclass(frozen=True, slots=True)
class PropertyFile:
    """A file of properties: the header, the types it defines, and the data."""

    header: dict[str, str]
    """Attributes of the root element."""

    defined_types: frozenset[str]
    """Names of the types that the file defines readably."""

    locked_types: int
    """Count of definitions that TestStand stored in ``<protected>``, as unreadable text."""

    data: Property
    """The root of the data."""


def read_property_file(path: Path) -> PropertyFile:
    """Read a sequence file in XML form.

    Raises:
        SequenceFileError: The file cannot be read, or is not a sequence file in XML form.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SequenceFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    form = _OTHER_FORMS.get(content.lstrip(b"\xef\xbb\xbf")[:4])
    if form:
        raise SequenceFileError(
            f"{path} is a sequence file in {form} form. Save it in XML form: in TestStand under "
            "Sequence File Properties, or with SequenceFileConverter.exe -Format:XML."
        )
    return _parse(path, content)


def _parse(path: Path, content: bytes) -> PropertyFile:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise SequenceFileError(f"{path} is not well-formed XML: {error}.") from error
    for entity in root.iter(etree.Entity):
        raise SequenceFileError(
            f"{path}: line {_line(entity)}: the entity {entity.text} is not supported. Write "
            "its text instead."
        )
    name = etree.QName(root)
    if name.localname != "teststandfileheader" or not (name.namespace or "").startswith(
        _NAMESPACE_PREFIX
    ):
        raise SequenceFileError(f"{path} is XML, but not a TestStand file.")
    if root.get("type") != "SequenceFile":
        raise SequenceFileError(
            f"{path} is a TestStand file of type {root.get('type')}, not a sequence file."
        )
    data = next((node for node in root if etree.QName(node).localname == "Data"), None)
    if data is None:
        raise SequenceFileError(f"{path} has no <Data> element, so its end is missing.")
    defined, locked = _types(root)
    attributes = {str(key): str(value) for key, value in root.attrib.items()}
    return PropertyFile(attributes, defined, locked, _property(data))


def _types(root: etree._Element) -> tuple[frozenset[str], int]:
    names = {_local(typedef[0]) for typedef in root.iter("{*}typedef") if len(typedef)}
    locked = sum(1 for _ in root.iterfind("{*}typelist/{*}protected"))
    return frozenset(names), locked


def _property(element: etree._Element) -> Property:
    name = element.get("name")
    node = Property(
        name=name if name is not None else etree.QName(element).localname,
        class_name=element.get("classname", ""),
        type_name=element.get("typename", ""),
        line=_line(element),
    )
    body = next((child for child in element if _local(child) in ("value", "subprops")), None)
    if body is None:
        return node
    if _local(body) == "subprops":
        children = [_property(child) for child in body]
        return replace(node, children={child.name: child for child in children})
    if body.get("ubound") is not None:
        last = _index(body, "ubound")
        return replace(node, elements=_elements(body, last), upper_bound=last)
    return replace(node, text=body.text or "", representation=body.get("representation", ""))


def _elements(body: etree._Element, last: int) -> tuple[Property, ...]:
    """Read the elements of an array. Plain values have their index in an attribute."""
    values = [child for child in body if _local(child) == "value"]
    if not any("arrayindex" in value.attrib for value in values):
        return tuple(map(_element, values))
    placed = {_index(value, "arrayindex"): _element(value) for value in values}
    if max(placed) > last:
        raise SequenceFileError(f"line {_line(body)}: an element is outside of its array.")
    empty = Property("", "", "", line=_line(body))
    return tuple(placed.get(at, empty) for at in range(max(placed) + 1))


def _element(value: etree._Element) -> Property:
    """Read an element of an array: an object, or a plain value without its own tag."""
    if len(value):
        return _property(value[0])
    return Property("", "", "", text=value.text or "", line=_line(value))


def _index(value: etree._Element, attribute: str) -> int:
    text = value.get(attribute, "").strip("[]")
    try:
        return int(text) if text else -1
    except ValueError:
        raise SequenceFileError(
            f"line {_line(value)}: {attribute} is {value.get(attribute)!r}, but only arrays of one "
            "dimension can be read."
        ) from None


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _line(element: etree._Element) -> int:
    line: int | None = cast("Any", element).sourceline
    return line or 0
