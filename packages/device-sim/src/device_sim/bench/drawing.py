"""Draw a bench: each net is a line from left to right, with the parts and channels between them."""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device_sim.bench.history import split
from device_sim.bench.parts import Connection, Part
from device_sim.errors import BenchError

_ACROSS = 2.6  # From one part to the next.
_DOWN = 2.0  # From one net to the next.
_BETWEEN = 2.4  # From one row of circuits to the next.
_WIDEST = 26.0  # Of a row of circuits, if it has more than one.
_ABOVE = 0.1  # From a net to its name.

_SYMBOLS = {
    "resistor": "Resistor",
    "open": "Switch",
    "short": "Line",
    "capacitor": "Capacitor",
    "inductor": "Inductor2",
    "diode": "Diode",
    "source": "SourceV",
    "square": "SourceSquare",
    "triangle": "SourceTriangle",
    "ramp": "SourceRamp",
    "noise": "Source",
    "relay": "Switch",
}
_UNITS = {"resistor": "Ω", "capacitor": "F", "inductor": "H"}
_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


@dataclass(frozen=True, slots=True)
class _Item:
    """One part or channel between two nets."""

    symbol: str
    nets: tuple[str, str]
    label: str


def draw(
    parts: Sequence[Part],
    connections: Mapping[str, Connection],
    models: Mapping[str, str],
    ground: str,
    closed: Collection[str] = (),
) -> str:
    """Return a picture of a bench as SVG.

    Args:
        parts: The parts.
        connections: Of channels to nets, by the channels' names.
        models: Of the instruments, by their names.
        ground: Name of the ground net.
        closed: Names of the relays whose contacts are closed.

    Raises:
        BenchError: schemdraw is not installed.
    """
    try:
        import schemdraw
    except ImportError as error:
        raise BenchError(
            "A picture needs schemdraw. Install the extra draw of measurement-device-sim."
        ) from error
    drawing = schemdraw.Drawing(show=False, canvas="svg")
    left, top, lowest = 0.0, 0.0, 0.0
    for island in split(parts, connections, ground):
        of_parts = [_of_part(part, is_closed=part.name in closed) for part in island.parts]
        items = [*of_parts, *_of_channels(island.connections, models)]
        width = _ACROSS * (len(items) + 1)
        if left and left + width > _WIDEST:
            left, top = 0.0, lowest - _BETWEEN
        lowest = min(lowest, _draw_circuit(drawing, items, ground, left, top))
        left += width
    return str(drawing.get_imagedata("svg").decode())


def _of_part(part: Part, *, is_closed: bool) -> _Item:
    value = ""
    if part.kind in _UNITS:
        value = f"\n{in_engineering_notation(part.values['value'])}{_UNITS[part.kind]}"
    elif "voltage" in part.values:
        amplitude = part.values["amplitude"]
        value = f"\n{in_engineering_notation(amplitude or part.values['voltage'])}V"
        if amplitude and "frequency" in part.values:
            value += f"\n{in_engineering_notation(part.values['frequency'])}Hz"
    is_sine = part.kind == "source" and part.values["amplitude"] > 0.0
    symbol = "SourceSin" if is_sine else _SYMBOLS["short" if is_closed else part.kind]
    return _Item(symbol, part.nets, _harmless(part.name) + value)


def _of_channels(
    connections: Mapping[str, Connection], models: Mapping[str, str]
) -> Iterator[_Item]:
    for channel, connection in connections.items():
        model = models.get(channel.partition("/")[0], "").partition("/")[0]  # without a topology
        label = _harmless(channel.upper()) + (f"\n{_harmless(model)}" if model else "")
        yield _Item("RBox", (connection.hi, connection.lo), label)


def _draw_circuit(
    drawing: Any, items: Sequence[_Item], ground: str, left: float, top: float
) -> float:
    """Draw the items of one circuit, from its upper left corner. Return its lowest height."""
    from schemdraw import elements

    nets = list(dict.fromkeys(net for item in items for net in item.nets if net != ground))
    if any(ground in item.nets for item in items):
        nets.append(ground)
    heights = {net: top - _DOWN * number for number, net in enumerate(nets)}
    for net, height in heights.items():
        last = max(number for number, item in enumerate(items, 1) if net in item.nets)
        drawing.add(elements.Line().at((left, height)).to((left + _ACROSS * last, height)))
        name = elements.Label().at((left, height + _ABOVE))
        drawing.add(name.label(_harmless(net), halign="left", valign="bottom"))
        if net == ground:
            drawing.add(elements.Ground().at((left, height)))
    for number, item in enumerate(items, 1):
        _draw_item(drawing, item, left + _ACROSS * number, heights)
    return min(heights.values())


def _draw_item(drawing: Any, item: _Item, across: float, heights: Mapping[str, float]) -> None:
    """Draw an item below the higher one of its nets, and a line on to the lower one."""
    from schemdraw import elements

    first, second = (heights[net] for net in item.nets)
    upper, lower = max(first, second), min(first, second)
    end = upper - _DOWN if lower < upper else upper - _DOWN / 2.0
    ends = [(across, upper), (across, end)]
    begin, until = ends if first >= second else reversed(ends)
    symbol = getattr(elements, item.symbol)()
    drawing.add(symbol.endpoints(begin, until).label(item.label, loc="bottom", fontsize=9))
    drawing.add(elements.Line().at((across, end)).to((across, lower)))
    for height in {upper, lower}:
        drawing.add(elements.Dot().at((across, height)))


def in_engineering_notation(value: float) -> str:
    """Return a value with the prefix of its unit, such as `4.7 k`."""
    if not value or math.isinf(value):
        return f"{value:g} "
    exponent = min(max(3 * math.floor(math.log10(abs(value)) / 3.0 + 1e-9), -12), 9)
    return f"{value / 10.0**exponent:.4g} {_PREFIXES[exponent]}"


def _harmless(text: str) -> str:
    """Return a text without the marks of formulas and of XML."""
    return html.escape(text.replace("$", ""), quote=False)
