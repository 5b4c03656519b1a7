"""Check a .measui against a plug-in: what each control is bound to, and what has no control."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from lxml import etree

from platform_sim.errors import PlatformSimError
from platform_sim.plugin_client import PluginMetadata

_CHANNEL = re.compile(r"\[string\](?:(\{[^}]*\})/)?(Configuration|Output)/(.*)\Z")
_REFERENCES = ("Label", "LabelOwner", "ArrayElement", "HorizontalScale", "VerticalScale", "Graph")
_MODEL = "[UIModel]"


class MeasuiError(PlatformSimError):
    """A file is not a .measui."""


def check_bindings(text: str, service_class: str, metadata: PluginMetadata) -> list[str]:
    """Return what is wrong with a .measui for a plug-in, each as a sentence.

    Raises:
        MeasuiError: The text is no .measui.
    """
    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError as error:
        raise MeasuiError(f"This is not well-formed XML: {error}.") from error
    screen = next((node for node in root.iter("{*}Screen")), None)
    if screen is None:
        raise MeasuiError("This XML has no Screen element, so it is no .measui.")
    return [
        *_check_screen(screen, service_class),
        *_check_ids(root),
        *_check_channels(screen, metadata),
    ]


def _check_screen(screen: etree._Element, service_class: str) -> Iterator[str]:
    stated = screen.get("ServiceClass")
    if stated != service_class:
        yield f"It is for the service class {stated}, not {service_class}."


def _check_ids(root: etree._Element) -> Iterator[str]:
    counts = Counter(node.get("Id") for node in root.iter() if node.get("Id"))
    for name, count in counts.items():
        if count > 1:
            yield f"The id {name} is used {count} times."
    for node in root.iter():
        for attribute in _REFERENCES:
            value = node.get(attribute, "")
            target = value.removeprefix(_MODEL)
            if value.startswith(_MODEL) and target not in counts:
                tag = etree.QName(node).localname
                yield f"{attribute} of a {tag} names the id {target}, which is not there."


def _check_channels(screen: etree._Element, metadata: PluginMetadata) -> Iterator[str]:
    names = {
        "Configuration": {parameter.name for parameter in metadata.parameters},
        "Output": {parameter.name for parameter in metadata.outputs},
    }
    bound: dict[str, set[str]] = {side: set() for side in names}
    for node in screen.iter():
        channel = node.get("Channel")
        if channel is None:
            continue
        match = _CHANNEL.match(channel)
        if match is None:
            yield f"The channel {channel} is neither of the configuration nor of the output."
            continue
        client, side, name = match.groups()
        if client is not None and client != screen.get("ClientId"):
            yield f"The channel {channel} does not start with the screen's ClientId."
        if name not in names[side]:
            yield f"A control is bound to {side}/{name}, which the plug-in does not have."
        bound[side].add(name)
    for side, known in names.items():
        for name in sorted(known - bound[side]):
            yield f"{side}/{name} has no control."
