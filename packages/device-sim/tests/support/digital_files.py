"""Write the files of the Digital Pattern Editor: pin maps, sheets, patterns and waveforms."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nidigital
import numpy as np
from nptdms import ChannelObject, GroupObject, RootObject, TdmsWriter

STATES = {
    "0": nidigital.PinState.ZERO,
    "1": nidigital.PinState.ONE,
    "L": nidigital.PinState.L,
    "H": nidigital.PinState.H,
    "X": nidigital.PinState.X,
    "M": nidigital.PinState.M,
    "V": nidigital.PinState.V,
    "D": nidigital.PinState.D,
    "E": nidigital.PinState.E,
}
SAME = 31 << 23
"""In an instruction: the time set of the vector before."""
HALT = 0xF000000F
PIN_MAP_NAMESPACE = "http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd"


def pin_map(
    connections: Mapping[str, str],
    groups: Mapping[str, Sequence[str]] | None = None,
    system: Sequence[str] = (),
) -> str:
    """Return a pin map.

    Args:
        connections: The channel of each `PIN site N`, or of each system pin, such as `DIG1/0`.
        groups: The pins of each group.
        system: The system pins.
    """
    names = list(dict.fromkeys(place.partition(" site ")[0] for place in connections))
    sites = sorted({int(p.partition(" site ")[2]) for p in connections if " site " in p})
    instruments = dict.fromkeys(channel.partition("/")[0] for channel in connections.values())
    rows = []
    for place, channel in connections.items():
        pin, _, site = place.partition(" site ")
        instrument, _, number = channel.partition("/")
        where = f'pin="{pin}" instrument="{instrument}" channel="{number}"'
        rows.append(
            f'<Connection siteNumber="{site}" {where}/>' if site else f"<SystemConnection {where}/>"
        )
    kinds = [("SystemPin" if name in system else "DUTPin", name) for name in names]
    return "\n".join(
        [
            f'<PinMap xmlns="{PIN_MAP_NAMESPACE}" schemaVersion="1.5"><Instruments>',
            *(
                f'<NIDigitalPatternInstrument name="{i}" numberOfChannels="32" group="G"/>'
                for i in instruments
            ),
            "</Instruments><Pins>",
            *(f'<{kind} name="{name}"/>' for kind, name in kinds),
            "</Pins><PinGroups>",
            *(
                f'<PinGroup name="{name}">'
                + "".join(f'<PinReference pin="{pin}"/>' for pin in pins)
                + "</PinGroup>"
                for name, pins in (groups or {}).items()
            ),
            "</PinGroups><Sites>",
            *(f'<Site siteNumber="{site}"/>' for site in sites),
            "</Sites><Connections>",
            *rows,
            "</Connections></PinMap>",
        ]
    )


def specifications(variables: Mapping[str, str]) -> str:
    """Return a specifications file; the variables are `SECTION.SYMBOL` and their formulas."""
    rows = []
    for name, formula in variables.items():
        section, _, symbol = name.partition(".")
        rows.append(
            f'<Section name="{section}"><f:Formula symbol="{symbol}">'
            f"<f:Definition>{formula}</f:Definition></f:Formula></Section>"
        )
    return (
        '<Specifications xmlns:f="urn:f" xmlns="urn:s" schemaVersion="1.0">'
        + "".join(rows)
        + "</Specifications>"
    )


def levels(rows: Mapping[str, Mapping[str, str]]) -> str:
    """Return a levels sheet: elements such as Vil by pin or group."""
    sets = "".join(
        f'<DigitalPinLevelSet pin="{pin}">'
        + "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
        + "</DigitalPinLevelSet>"
        for pin, values in rows.items()
    )
    return (
        '<PinLevelsFile xmlns="urn:l" schemaVersion="1.0"><PinLevelsSheet><DigitalPinLevelSets>'
        f"{sets}</DigitalPinLevelSets></PinLevelsSheet></PinLevelsFile>"
    )


def timing(time_sets: Mapping[str, tuple[str, Mapping[str, str]]]) -> str:
    """Return a timing sheet: the period, and the XML of the edges by pin or group."""
    sets = "".join(
        f'<TimeSet name="{name}"><Period>{period}</Period><PinEdges>'
        + "".join(f'<PinEdge pin="{pin}">{edges}</PinEdge>' for pin, edges in pins.items())
        + "</PinEdges></TimeSet>"
        for name, (period, pins) in time_sets.items()
    )
    return (
        '<TimingFile xmlns="urn:t" schemaVersion="1.0"><TimingSheet><TimeSets>'
        f"{sets}</TimeSets></TimingSheet></TimingFile>"
    )


NON_RETURN = (
    "<DriveNonReturn><On>0</On><Data>0</Data><Off>{off}</Off></DriveNonReturn>"
    "<CompareStrobe><Strobe>{strobe}</Strobe></CompareStrobe>"
)
"""The edges of a pin that drives from the begin of a cycle on."""


def write_pattern(
    path: Path,
    pins: Sequence[str],
    vectors: Sequence[str],
    *,
    instructions: Mapping[int, int] | None = None,
    time_sets: Sequence[str] = ("t0",),
    labels: Mapping[str, int] | None = None,
    exported: Mapping[str, int] | None = None,
    is_compressed: bool = False,
    sources: Sequence[str] = (),
    captures: Sequence[str] = (),
) -> Path:
    """Write a compiled pattern, named as its file. The last vector halts.

    Args:
        path: The file.
        pins: The pins.
        vectors: The states, a letter for each pin.
        instructions: The instructions of vectors, as numbers.
        time_sets: The names of the time sets. All vectors have the first one.
        labels: The vectors of its own labels.
        exported: The vectors of the labels that it exports.
        is_compressed: Whether states and instructions are rows of zlib streams.
        sources: The waveforms that it sources.
        captures: The waveforms that it captures.
    """
    states = np.array([[STATES[letter].value for letter in vector] for vector in vectors])
    padded = np.pad(states, ((0, 0), (0, states.shape[1] % 2)))
    packed = (padded[:, ::2] | padded[:, 1::2] << 4).astype(np.uint8)
    words = np.full(len(vectors), SAME, np.uint32)
    words[0], words[-1] = 0, HALT
    for vector, word in (instructions or {}).items():
        words[vector] = word
    channels: dict[tuple[str, str], Any] = {
        ("TimeSet", "Name"): list(time_sets),
        ("PinItem", "PinName"): list(pins),
        **_labels("LocalLabel", {path.stem: 0, **(labels or {})}),
        **_labels("ExportLabel", exported or {}),
        **_blocks("PinState", packed.ravel(), is_compressed),
        **_blocks("Instruction", words, is_compressed),
    }
    if sources:
        channels["SourceWaveform", "Name"] = list(sources)
    if captures:
        channels["CaptureWaveform", "Name"] = list(captures)
    properties = {"Pattern": {"VectorCount": len(vectors), "IsKeepAlive": False}}
    return write_tdms(path, channels, properties, name=path.stem)


def _labels(kind: str, labels: Mapping[str, int]) -> dict[tuple[str, str], Any]:
    if not labels:
        return {}
    return {
        ("Pattern", f"{kind}Name"): list(labels),
        ("Pattern", f"{kind}Location"): np.array(list(labels.values()), np.int32),
    }


def _blocks(name: str, values: Any, is_compressed: bool) -> dict[tuple[str, str], Any]:
    if not is_compressed:
        return {("Pattern", name): values}
    content = values.tobytes()
    parts = [zlib.compress(content[begin : begin + 8]) for begin in range(0, len(content), 8)]
    return {
        ("Pattern", name): np.frombuffer(b"".join(parts), np.uint8),
        ("Pattern", f"{name}CompressedLengths"): np.array([len(p) for p in parts], np.int32),
    }


def write_source(
    path: Path, waveform: str, samples: Mapping[int, Sequence[int]], **settings: object
) -> Path:
    """Write a file with one source waveform.

    Args:
        path: The file.
        waveform: The name of the waveform.
        samples: The samples by site.
        **settings: Its settings, such as PinItems.
    """
    channels = {
        (waveform, f"site{site}"): np.array(values, np.uint32) for site, values in samples.items()
    }
    properties = {waveform: {f"NI_DigiPat_{name}": value for name, value in settings.items()}}
    return write_tdms(path, channels, properties)


def write_tdms(
    path: Path,
    channels: Mapping[tuple[str, str], Any],
    properties: Mapping[str, Mapping[str, Any]],
    **root: Any,
) -> Path:
    """Write a TDMS file with these channels, and properties of groups."""
    groups = dict.fromkeys([*properties, *(group for group, _ in channels)])
    with TdmsWriter(path) as writer:
        writer.write_segment(
            [
                RootObject(properties=root),
                *(GroupObject(name, properties=properties.get(name, {})) for name in groups),
                *(ChannelObject(group, name, data) for (group, name), data in channels.items()),
            ]
        )
    return path
