"""Write a whole .measui: parameters in the left column, outputs in the right one."""

from __future__ import annotations

import hashlib

from lxml import etree
from plugin_kit.calling import Parameter, PluginMetadata

from platform_sim.measui.controls import WIDTH, Binding, control
from platform_sim.measui.names import (
    CORE,
    PANEL,
    PLATFORM,
    SCREEN,
    client_id,
    default_namespace,
    element_id,
)

_MARGIN = 30
_LABEL_HEIGHT = 16
_LABEL_GAP = 20
_CONTROL_GAP = 14

_EDITOR = "23.0.0.1849"
_NAMESPACES = (
    ("9.7.0.1849", "Configuration Based Software Core", CORE, "6.3.0.49152", "6.3.0.49152"),
    (
        "9.7.0.1849",
        "LabVIEW Controls",
        "http://www.ni.com/Controls.LabVIEW.Design",
        "8.1.0.49152",
        "8.1.0.49152",
    ),
    (_EDITOR, "InstrumentStudio Measurement UI", SCREEN, "22.1.0.1", "22.1.0.1"),
    ("9.7.0.1849", "Editor", PANEL, "6.1.0.0", "6.1.0.49152"),
    ("9.7.0.1849", "Editor", PLATFORM, "8.1.0.49152", "8.1.0.49152"),
)
"""The version in the oldest of the public files. Newer editors read it, too."""


def measui_text(service_class: str, metadata: PluginMetadata) -> str:
    """Return the .measui of a plug-in. The same metadata gives the same text.

    A parameter whose type has no known control is left out; `missing_controls` names it.
    """
    surface, height = _surface(service_class, metadata)
    surface.set("Height", f"[float]{height}")
    screen = etree.Element(
        f"{{{SCREEN}}}Screen",
        {
            "ClientId": client_id(service_class),
            "DisplayName": metadata.display_name,
            "Id": element_id(service_class, "screen"),
            "ServiceClass": service_class,
        },
        nsmap=default_namespace(SCREEN),
    )
    screen.append(surface)
    # The format has a checksum that its readers do not verify (edited files load). This one at
    # least changes with the content.
    checksum = hashlib.sha512(etree.tostring(screen)).hexdigest().upper()
    root = etree.Element(
        f"{{{PLATFORM}}}SourceFile",
        {"Checksum": checksum, "Timestamp": "1D8FBA3BB9A7EAA"},
        nsmap=default_namespace(PLATFORM),
    )
    root.append(_features())
    root.append(screen)
    etree.indent(root, "\t")
    body: str = etree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _features() -> etree._Element:
    features = etree.Element(f"{{{PLATFORM}}}SourceModelFeatureSet")
    for file_version, feature_set, name, oldest, version in _NAMESPACES:
        etree.SubElement(
            features,
            f"{{{PLATFORM}}}ParsableNamespace",
            {
                "AssemblyFileVersion": file_version,
                "FeatureSetName": feature_set,
                "Name": name,
                "OldestCompatibleVersion": oldest,
                "Version": version,
            },
        )
    etree.SubElement(
        features,
        f"{{{PLATFORM}}}ApplicationVersionInfo",
        {"Build": _EDITOR, "Name": "MeasurementLink UI Editor", "Version": _EDITOR},
    )
    return features


def _surface(service_class: str, metadata: PluginMetadata) -> tuple[etree._Element, int]:
    surface = etree.Element(
        f"{{{CORE}}}ScreenSurface",
        {
            "BackgroundColor": "[SMSolidColorBrush]#00ffffff",
            "Id": element_id(service_class, "surface"),
            "Left": "[float]0",
            "PanelSizeMode": "Fixed",
            "Top": "[float]0",
            "Width": f"[float]{2 * WIDTH + 3 * _MARGIN}",
        },
        nsmap=default_namespace(CORE),
    )
    bottom = 0
    for column, (parameters, is_output) in enumerate(
        ((metadata.parameters, False), (metadata.outputs, True))
    ):
        left = _MARGIN + column * (WIDTH + _MARGIN)
        top = _MARGIN
        for parameter in parameters:
            binding = Binding(service_class, parameter, is_output)
            top = _place(surface, binding, left, top)
        bottom = max(bottom, top)
    return surface, bottom + _MARGIN


def _place(surface: etree._Element, binding: Binding, left: int, top: int) -> int:
    """Add the control of a parameter with its label. Return the top of the next control."""
    made = control(binding)
    if made is None:
        return top
    made.element.set("Left", f"[float]{left}")
    made.element.set("Top", f"[float]{top + _LABEL_GAP}")
    surface.append(made.element)
    etree.SubElement(
        surface,
        f"{{{PANEL}}}Label",
        {
            "Height": f"[float]{_LABEL_HEIGHT}",
            "Id": binding.id("label"),
            "LabelOwner": f"[UIModel]{binding.id('control')}",
            "Left": f"[float]{left}",
            "Text": f"[string]{_caption(binding.parameter)}",
            "Top": f"[float]{top}",
            "Width": f"[float]{WIDTH}",
        },
        nsmap=default_namespace(PANEL),
    )
    return top + _LABEL_GAP + made.height + _CONTROL_GAP


def _caption(parameter: Parameter) -> str:
    words = parameter.name.replace("_", " ")
    return words[:1].upper() + words[1:]
