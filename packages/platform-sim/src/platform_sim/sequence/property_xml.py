"""Build the XML of TestStand properties. `property_tree` reads it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from platform_sim.sequence.xml_text import Element

ARRAY_ELEMENT = "_NAME_IN_ATTRIBUTE_"
"""Tag of an element that has its name in an attribute."""


def leaf(
    name: str, class_name: str, value: object = "", *, representation: str = "", flags: int = 0
) -> Element:
    """Build a property with a plain value: a string, number, boolean or expression."""
    attributes = {"representation": representation} if representation else {}
    return Element(
        name, _attributes(class_name, flags), (Element("value", attributes, text=_text(value)),)
    )


def container(
    name: str,
    children: Iterable[Element] = (),
    *,
    class_name: str = "Obj",
    type_name: str = "",
    flags: int = 0,
) -> Element:
    """Build a property with sub-properties."""
    below = tuple(children)
    body = (Element("subprops", children=below),) if below else ()
    return Element(name, {**_type(type_name), **_attributes(class_name, flags)}, body)


def array(
    name: str,
    class_name: str,
    elements: Sequence[Element | str] = (),
    *,
    prototype: Element | None = None,
    flags: int = 0,
) -> Element:
    """Build an array. Its elements are properties, or the texts of plain values."""
    values = tuple(
        Element("value", {"arrayindex": f"[{at}]"}, text=item)
        if isinstance(item, str)
        else Element("value", children=(item,))
        for at, item in enumerate(elements)
    )
    first = (Element("elemproto", children=(prototype,)),) if prototype else ()
    bounds = {"lbound": "[0]", "ubound": f"[{len(values) - 1}]" if values else "[]"}
    return Element(
        name, _attributes(class_name, flags), (Element("value", bounds, first + values),)
    )


def element(
    tag: str,
    children: Iterable[Element] = (),
    *,
    name: str = "",
    class_name: str = "",
    type_name: str = "",
    has_xsi_type: bool = True,
) -> Element:
    """Build an element of an array. Its name is an attribute."""
    typed = _type(type_name) if has_xsi_type else {"typename": type_name}
    below = tuple(children)
    body = (Element("subprops", children=below),) if below else ()
    return Element(tag, {**typed, "name": name, **_attributes(class_name, 0)}, body)


def variables(values: Mapping[str, object]) -> list[Element]:
    """Build variables from plain Python defaults: mapping, list, string, number, boolean.

    Raises:
        TypeError: TestStand has no kind for a value.
    """
    return [_variable(name, value) for name, value in values.items()]


def _variable(name: str, value: object) -> Element:
    if isinstance(value, Mapping):
        return container(name, variables(value))
    if isinstance(value, list):
        kind = _kind(value[0])[0] if value else "Str"
        return array(name, f"{kind}s", [_text(item) for item in value])
    class_name, representation = _kind(value)
    return leaf(name, class_name, value, representation=representation)


def _kind(value: object) -> tuple[str, str]:
    if isinstance(value, bool):
        return "Bool", ""
    if isinstance(value, int):
        return "Num", "Int64"
    if isinstance(value, float):
        return "Num", ""
    if isinstance(value, str):
        return "Str", ""
    raise TypeError(f"{value!r} cannot be the default of a TestStand variable")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.17g}"
    return str(value)


def _type(type_name: str) -> dict[str, str]:
    return {"typename": type_name, "xsi:type": type_name} if type_name else {}


def _attributes(class_name: str, flags: int) -> dict[str, str]:
    attributes = {"classname": class_name} if class_name else {}
    if flags:
        attributes["valueflags"] = str(flags)
    return attributes
