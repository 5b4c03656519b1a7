"""Check a .measui against a plug-in: its bindings, and the parameters without a control."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from lxml import etree
from plugin_kit.calling import PluginMetadata

from platform_sim.errors import PlatformSimError

_CHANNEL = re.compile(
    r"\[string\](?:(?P<client>\{?[0-9a-f-]{36}\}?)/)?(?P<side>Configuration|Output)/(?P<name>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_REFERENCES = ("Label", "LabelOwner", "ArrayElement", "HorizontalScale", "VerticalScale", "Graph")
_MODEL = "[UIModel]"


class MeasuiError(PlatformSimError):
    """A file is not a .measui file."""


def check_bindings(text: str, service_class: str, metadata: PluginMetadata) -> list[str]:
    """Return the errors of a .measui for a plug-in, each as a sentence.

    Raises:
        MeasuiError: The text is not a .measui.
    """
    screen = _read_screen(text)
    return [
        *_check_screen(screen, service_class),
        *_check_ids(screen.getroottree().getroot()),
        *_check_channels(screen, metadata),
    ]


def missing_controls(text: str, metadata: PluginMetadata) -> list[str]:
    """Return the parameters and outputs that a .measui does not show, each as a sentence.

    This is no error: such a parameter has its default, and NI's tools leave out some types.

    Raises:
        MeasuiError: The text is not a .measui.
    """
    channels = _channels(_read_screen(text))
    bound = {(match["side"], match["name"]) for _, match in channels if match}
    known = [("Configuration", one.name) for one in metadata.parameters]
    known += [("Output", one.name) for one in metadata.outputs]
    return [f"{side}/{name} has no control." for side, name in known if (side, name) not in bound]


def _read_screen(text: str) -> etree._Element:
    try:
        root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError as error:
        raise MeasuiError(f"This is not well-formed XML: {error}.") from error
    screen = next((node for node in root.iter("{*}Screen")), None)
    if screen is None:
        raise MeasuiError("This XML has no Screen element, so it is not a .measui file.")
    return screen


def _check_screen(screen: etree._Element, service_class: str) -> Iterator[str]:
    stated = screen.get("ServiceClass")
    if stated != service_class:
        yield f"The panel is for the service class {stated}, not for {service_class}."


def _check_ids(root: etree._Element) -> Iterator[str]:
    counts = Counter(node.get("Id") for node in root.iter("*") if node.get("Id"))
    for name, count in counts.items():
        if count > 1:
            yield f"The id {name} is used {count} times."
    for node in root.iter("*"):
        for attribute in _REFERENCES:
            value = node.get(attribute, "")
            target = value.removeprefix(_MODEL)
            if value.startswith(_MODEL) and target not in counts:
                tag = etree.QName(node).localname
                yield f"{attribute} of a {tag} refers to the id {target}, which does not exist."


def _check_channels(screen: etree._Element, metadata: PluginMetadata) -> Iterator[str]:
    names = {
        "Configuration": {parameter.name for parameter in metadata.parameters},
        "Output": {parameter.name for parameter in metadata.outputs},
    }
    # NI's tools of 2024 and later write no ClientId, but all channels start with the same id.
    # Very old files have neither.
    client = _id_of(screen.get("ClientId"))
    for channel, match in _channels(screen):
        if match is None:
            yield f"The channel {channel} belongs neither to the configuration nor to the output."
            continue
        start = _id_of(match["client"])
        client = client or start
        if start and start != client:
            whose = "the screen's ClientId" if screen.get("ClientId") else f"{{{client}}} as others"
            yield f"The channel {channel} does not start with {whose}."
        if match["name"] not in names[match["side"]]:
            yield (
                f"A control is bound to {match['side']}/{match['name']}, which the plug-in does "
                "not have."
            )


def _channels(screen: etree._Element) -> list[tuple[str, re.Match[str] | None]]:
    channels = (node.get("Channel") for node in screen.iter())
    return [(channel, _CHANNEL.match(channel)) for channel in channels if channel is not None]


def _id_of(text: str | None) -> str:
    """Return an id without the braces, which some of NI's tools leave out."""
    return (text or "").strip("{}").lower()
