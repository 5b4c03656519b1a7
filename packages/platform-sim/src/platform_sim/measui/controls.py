"""Make the control of each parameter type.

| type | parameter | output |
|---|---|---|
| number | numeric text | numeric text, read-only |
| boolean | check box | LED |
| string, path | string control, path selector | string control, read-only |
| enum | enum selector | enum selector, read-only |
| pin, I/O resource | pin selector | string control, read-only |
| array of numbers, of enums | array viewer of numeric texts | the same, read-only |
| array of strings, paths, booleans | array viewer of string controls | the same, read-only |
| array of pins | pin selector with several choices | array viewer of string controls |
| XY data | (none) | graph |

No public panel shows an array of booleans. It is not verified that a string control displays one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from google.protobuf import type_pb2
from lxml import etree
from plugin_kit.calling import Parameter

from platform_sim.measui.names import CORE, LABVIEW, SCREEN, channel, default_namespace, element_id

_Kind = type_pb2.Field.Kind
_NUMBER_TYPES: Mapping[int, str] = {
    _Kind.TYPE_DOUBLE: "Double",
    _Kind.TYPE_FLOAT: "Single",
    _Kind.TYPE_INT32: "Int32",
    _Kind.TYPE_INT64: "Int64",
    _Kind.TYPE_UINT32: "UInt32",
    _Kind.TYPE_UINT64: "UInt64",
    _Kind.TYPE_ENUM: "Int32",
}
_PINS = frozenset({"pin", "ioresource"})
_XY_DATA = "ni.protobuf.types.DoubleXYData"

WIDTH = 200
_LINE = 24
_ARRAY_HEIGHT = 120
_GRAPH_HEIGHT = 240
_FORMAT = "[string]LV:G5"


@dataclass(frozen=True, slots=True)
class Control:
    """A control and the space that it takes."""

    element: etree._Element
    """The element. The layout sets its place."""

    height: int
    """Height in pixels."""


@dataclass(frozen=True, slots=True)
class Binding:
    """The parameter or output that a control shows."""

    service_class: str
    """Service class of the plug-in."""

    parameter: Parameter
    """Parameter or output."""

    is_output: bool
    """True for an output."""

    def id(self, part: str) -> str:
        """Return the id of a part of the control."""
        side = "output" if self.is_output else "configuration"
        return element_id(self.service_class, side, self.parameter.name, part)

    @property
    def channel(self) -> str:
        """Value of the Channel attribute."""
        return channel(self.service_class, self.parameter.name, is_output=self.is_output)


def control(binding: Binding) -> Control | None:
    """Return the control of a parameter or output, None if no control is known for its type."""
    builder = _builder(binding)
    return builder(binding) if builder else None


def _builder(binding: Binding) -> Callable[[Binding], Control] | None:
    parameter = binding.parameter
    is_input = not binding.is_output
    if parameter.type == _Kind.TYPE_MESSAGE:
        return _graph if parameter.message_type == _XY_DATA and binding.is_output else None
    if parameter.specialisation in _PINS and is_input:
        return _pin_selector
    if parameter.is_repeated:
        return _number_array if parameter.type in _NUMBER_TYPES else _text_array
    if parameter.specialisation == "enum":
        return _enum_selector
    if parameter.type in _NUMBER_TYPES:
        return _number
    if parameter.type == _Kind.TYPE_BOOL:
        return _check_box if is_input else _led
    if parameter.specialisation == "path" and is_input:
        return _path_selector
    return _text


def _base(
    tag: str, namespace: str, base_name: str, binding: Binding, height: int
) -> etree._Element:
    element = etree.Element(f"{{{namespace}}}{tag}", nsmap=default_namespace(namespace))
    element.set("BaseName", f"[string]{base_name}")
    element.set("Channel", binding.channel)
    element.set("Height", f"[float]{height}")
    element.set("Id", binding.id("control"))
    element.set("IsLabelBoundToChannel", "[bool]False")
    element.set("Label", f"[UIModel]{binding.id('label')}")
    element.set("Width", f"[float]{WIDTH}")
    return element


def _read_only(element: etree._Element, binding: Binding) -> None:
    if binding.is_output:
        element.set("IsReadOnly", "[bool]True")
    else:
        element.set("Enabled", "[bool]True")


def _number(binding: Binding) -> Control:
    element = _base("ChannelNumericText", CORE, "Numeric", binding, _LINE)
    element.set("AdaptsToType", "[bool]True")
    element.set("UnitAnnotation", "[string]")
    element.set("ValueFormatter", _FORMAT)
    element.set("ValueType", f"[Type]{_NUMBER_TYPES[binding.parameter.type]}")
    _read_only(element, binding)
    return Control(element, _LINE)


def _check_box(binding: Binding) -> Control:
    element = _base("ChannelCheckBox", CORE, "Checkbox", binding, 16)
    element.set("Content", "[string]Off/On")
    element.set("Enabled", "[bool]True")
    return Control(element, 16)


def _led(binding: Binding) -> Control:
    element = _base("ChannelLED", CORE, "Round LED", binding, 20)
    element.set("ContentVisibility", "[Visibility]Collapsed")
    element.set("FalseContent", "[string]Off")
    element.set("IsReadOnly", "[bool]True")
    element.set("Shape", "[LEDShape]Round")
    element.set("TrueContent", "[string]On")
    element.set("Width", "[float]20")
    return Control(element, 20)


def _text(binding: Binding) -> Control:
    element = _base("ChannelStringControl", CORE, "String", binding, _LINE)
    _text_attributes(element)
    _read_only(element, binding)
    return Control(element, _LINE)


def _text_attributes(element: etree._Element) -> None:
    element.set("AcceptsReturn", "[bool]False")
    element.set("HorizontalScrollBarVisibility", "[ScrollBarVisibility]Hidden")
    element.set("VerticalScrollBarVisibility", "[ScrollBarVisibility]Auto")


def _path_selector(binding: Binding) -> Control:
    element = _base("ChannelPathSelector", CORE, "Path", binding, _LINE)
    element.set("FilterLabel", "[null]")
    element.set("FilterPatterns", "[null]")
    element.set("InteractionMode", "[PathSelectorInteractionModes]BrowseDialog, TextInput")
    element.set("WrapText", "[bool]False")
    return Control(element, _LINE)


def _enum_selector(binding: Binding) -> Control:
    element = _base("ChannelEnumSelector", SCREEN, "Enum", binding, _LINE)
    element.set("AdaptsToType", "[bool]True")
    element.set("AllowNonSequentialValues", "[bool]True")
    if binding.is_output:
        element.set("InteractionMode", "[SelectorInteractionModes]ReadOnly")
    for name, number in binding.parameter.enum_values.items():
        etree.SubElement(
            element,
            f"{{{LABVIEW}}}RingSelectorInfo",
            {
                "DisplayValue": f"[string]{name}",
                "IsEnabled": "[bool]True",
                "Value": f"[int]{number}",
            },
            nsmap=default_namespace(LABVIEW),
        )
    return Control(element, _LINE)


def _pin_selector(binding: Binding) -> Control:
    element = _base("ChannelPinSelector", SCREEN, "Pin", binding, _LINE)
    element.set("AllowUndefinedValues", "[bool]True")
    element.set("DataType", "[Type]String")
    if binding.parameter.is_repeated:
        element.set("MultipleSelectionMode", "[MultipleSelectionModes]List")
    return Control(element, _LINE)


def _number_array(binding: Binding) -> Control:
    inner = etree.Element(f"{{{CORE}}}ChannelArrayNumericText")
    inner.set("UnitAnnotation", "[string]")
    inner.set("ValueFormatter", _FORMAT)
    inner.set("ValueType", f"[Type]{_NUMBER_TYPES[binding.parameter.type]}")
    return _array(binding, "Numeric", inner, "0x0")


def _text_array(binding: Binding) -> Control:
    inner = etree.Element(f"{{{CORE}}}ChannelArrayStringControl")
    _text_attributes(inner)
    return _array(binding, "String", inner, '""')


def _array(binding: Binding, kind: str, inner: etree._Element, default: str) -> Control:
    side = "Output" if binding.is_output else "Input"
    element = _base("ChannelArrayViewer", CORE, f"{kind} Array {side}", binding, _ARRAY_HEIGHT)
    element.set("AdaptsToType", "[bool]True")
    element.set("ArrayElement", f"[UIModel]{binding.id('element')}")
    element.set("Columns", "[int]1")
    element.set("Dimensions", "[int]1")
    element.set("IndexVisibility", "[Visibility]Collapsed")
    element.set("Orientation", "[SMOrientation]Vertical")
    element.set("Rows", "[int]4")
    element.set("VerticalScrollBarVisibility", "[ScrollBarVisibility]Visible")
    inner.set("BaseName", f"[string]{kind}")
    inner.set("Height", f"[float]{_LINE}")
    inner.set("Id", binding.id("element"))
    inner.set("Width", f"[float]{WIDTH - 32}")
    if binding.is_output:
        inner.set("IsReadOnly", "[bool]True")
    else:
        element.set("Enabled", "[bool]True")
    etree.SubElement(element, f"{{{CORE}}}p.DefaultElementValue").text = default
    element.append(inner)
    return Control(element, _ARRAY_HEIGHT)


def _graph(binding: Binding) -> Control:
    element = _base("ArrayGraph", CORE, "Array Graph", binding, _GRAPH_HEIGHT)
    del element.attrib["Channel"]
    element.set("PreferIndexData", "[bool]False")
    for orientation, label in (("Horizontal", "X"), ("Vertical", "Y")):
        etree.SubElement(
            element,
            f"{{{CORE}}}ArrayGraphAxis",
            {
                "Adjuster": "[RangeAdjuster]FitExactly",
                "Id": binding.id(orientation),
                "Label": f"[string]{label}",
                "Orientation": f"[SMOrientation]{orientation}",
                "ValueType": "[Type]Double",
            },
        )
    etree.SubElement(
        element,
        f"{{{CORE}}}HmiGraphPlot",
        {
            "Channel": binding.channel,
            "HorizontalScale": f"[UIModel]{binding.id('Horizontal')}",
            "Id": binding.id("plot"),
            "Label": f"[string]{binding.parameter.name}",
            "VerticalScale": f"[UIModel]{binding.id('Vertical')}",
        },
    )
    return Control(element, _GRAPH_HEIGHT)
