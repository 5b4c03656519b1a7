"""Show the simulated instruments and their bench; change parts, break wires, switch faults on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from measurement_console.bench.faults import FAULT_KINDS, FaultInputError, read_fault
from measurement_console.console import Console
from measurement_console.errors import RefusedError, ServiceCallError
from measurement_console.live.feed import Feed, Message
from measurement_console.live.plots import MOST_LINES, plots_json
from measurement_console.pages.page import (
    Arguments,
    Facts,
    Page,
    console_of,
    form_of,
    notice,
    require_control,
)


def _chosen(arguments: Arguments) -> list[str]:
    """Return the channels whose readings a page draws. No channel has a comma in its name."""
    names = arguments.get("plot", "").split(",")
    return [*dict.fromkeys(filter(None, names))][:MOST_LINES]


def _facts(console: Console, arguments: Arguments) -> Facts:
    return {"chosen": _chosen(arguments)}


def _instruments(console: Console, arguments: Arguments) -> Facts:
    chosen = _chosen(arguments)
    view = console.bench.view
    channels = [row.name for one in view.instruments for row in one.channels]
    return {
        "health": console.bench.health,
        "instruments": view.instruments,
        "chosen": chosen,
        "plots": {name: _address_with(chosen, name) for name in channels},
    }


def _address_with(chosen: Sequence[str], name: str) -> str:
    """Return the address of the page that draws a channel too, or no longer."""
    others = [one for one in chosen if one != name]
    wanted = others if name in chosen else [*others, name][-MOST_LINES:]
    return "/instruments?" + urlencode({"plot": ",".join(wanted)}) if wanted else "/instruments"


def _parts(console: Console, _: Arguments) -> Facts:
    return {"health": console.bench.health, "parts": console.bench.view.parts}


def _picture(console: Console, _: Arguments) -> Facts:
    has_picture = bool(console.bench.view.parts)
    return {"has_picture": has_picture, "number": console.bench.picture_number}


def _fault_form(console: Console, _: Arguments) -> Facts:
    names = [one.name for one in console.bench.view.instruments]
    return {"names": names, "kinds": FAULT_KINDS}


class _Plots:
    """The readings of the channels that a page has chosen. A message has all plots."""

    def __init__(self, console: Console, channels: Sequence[str]) -> None:
        self._readings = console.bench.readings
        self._channels = channels

    def since(self, position: int) -> Sequence[Message]:
        """Return the plots if there are other readings."""
        if self._readings.count == position:
            return ()
        count, plots = self._readings.plots(self._channels)
        return (Message("plots", plots_json(plots), count),)

    def close(self) -> None:
        """Do nothing: all browsers share the readings."""


class _Look:
    """Tell the source that a browser shows the bench, so that it asks for news."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def since(self, position: int) -> Sequence[Message]:
        """Return nothing: the sections show the bench."""
        self._console.bench.look()
        return ()

    def close(self) -> None:
        """Do nothing: the source stops asking by itself."""


def _feeds(console: Console, arguments: Arguments) -> Sequence[Feed]:
    chosen = _chosen(arguments)
    return (_Look(console), _Plots(console, chosen)) if chosen else (_Look(console),)


async def _set(request: Request) -> Response:
    """Set a value of a part."""
    form = await form_of(request)
    part, name, text = (form.get(key, "") for key in ("part", "name", "value"))
    try:
        value = float(text)
    except ValueError:
        return notice(request, f"{text!r:.60} is not a number.", is_problem=True)
    return await _act(
        request,
        "set part",
        f"{part} {name} = {value:g}",
        "SetPart",
        name=part,
        values={name: value},
    )


async def _break_wire(request: Request) -> Response:
    channel = (await form_of(request)).get("channel", "")
    return await _act(request, "break wire", channel, "Disconnect", channel=channel)


async def _mend_wire(request: Request) -> Response:
    channel = (await form_of(request)).get("channel", "")
    return await _act(request, "mend wire", channel, "Reconnect", channel=channel)


async def _add_fault(request: Request) -> Response:
    form = await form_of(request)
    device, key = form.get("device", ""), form.get("kind", "")
    try:
        fault = read_fault(device, key, form)
    except FaultInputError as error:
        return notice(request, str(error), is_problem=True)
    return await _act(request, "add fault", f"{device}: {key}", "AddFault", fault=fault)


async def _clear_faults(request: Request) -> Response:
    device = (await form_of(request)).get("device", "")
    return await _act(request, "clear faults", device, "ClearFaults", device=device)


async def _act(request: Request, what: str, thing: str, method: str, **fields: Any) -> Response:
    """Call the bench for a visitor who is in control."""
    visitor, console = require_control(request), console_of(request)
    try:
        service = await asyncio.to_thread(console.bench.service)
        await asyncio.to_thread(service.call, method, **fields)
    except ServiceCallError as error:
        console.audit.note(visitor, what, thing, str(error))
        return notice(request, str(error), is_problem=True)
    console.audit.note(visitor, what, thing)
    console.bench.refresh()
    return notice(request, f"{what.capitalize()}: {thing}.")


async def _draw(request: Request) -> Response:
    """Return the picture of the wiring. The policy of all pages lets it run no script."""
    try:
        service = await asyncio.to_thread(console_of(request).bench.service)
        answer = await asyncio.to_thread(service.call, "GetPicture")
    except ServiceCallError as error:
        raise RefusedError(409, str(error)) from error
    return Response(answer.svg, media_type="image/svg+xml")


INSTRUMENTS = Page(
    "instruments",
    "Instruments",
    sections={
        "instruments-list": _instruments,
        "instruments-picture": _picture,
        "instruments-faults": _fault_form,
        "instruments-parts": _parts,
    },
    facts=_facts,
    feeds=_feeds,
    routes=(
        Route("/instruments/set", _set, methods=["POST"]),
        Route("/instruments/break", _break_wire, methods=["POST"]),
        Route("/instruments/mend", _mend_wire, methods=["POST"]),
        Route("/instruments/fault", _add_fault, methods=["POST"]),
        Route("/instruments/clear", _clear_faults, methods=["POST"]),
        Route("/instruments/wiring.svg", _draw, methods=["GET"]),
    ),
    scripts=("vendor/uplot-1.6.32.iife.min.js", "plot-style.js", "line-plots.js"),
)
