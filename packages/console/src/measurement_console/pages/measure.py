"""Measure with a plug-in: a form made of its metadata, its outputs as they arrive, past runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timezone

from plugin_kit import PluginCallError
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from measurement_console.console import Console
from measurement_console.errors import RefusedError
from measurement_console.live.feed import Feed, Message
from measurement_console.measure.call_form import CallForm, last_of
from measurement_console.measure.call_lines import MeasureCall, python_call, shell_line
from measurement_console.measure.forms import Submitted
from measurement_console.measure.plugins import is_measurement, read_plugin
from measurement_console.measure.runs import MeasureRun, TooManyRunsError, UnknownRunError
from measurement_console.pages.page import (
    Arguments,
    Facts,
    Page,
    console_of,
    form_fields_of,
    form_of,
    notice,
    require_control,
)
from measurement_console.pages.services import service_named, start_plugin
from measurement_console.sources.platform import Service


def _plugins(console: Console, _: Arguments) -> Facts:
    known = console.platform.state.services
    return {
        "platform": console.platform.health,
        "plugins": [one for one in known if is_measurement(one.interfaces)],
    }


def _run_of(console: Console, arguments: Arguments) -> MeasureRun | None:
    """Return the run that a page shows: the one that it names, or the last one of its plug-in."""
    runs = console.measurements.all()
    if "run" in arguments:
        return next((run for run in runs if run.run_id == arguments["run"]), None)
    wanted = arguments.get("service", "")
    return next((run for run in runs if run.call.service_class == wanted), None)


def _run(console: Console, arguments: Arguments) -> Facts:
    run = _run_of(console, arguments)
    if run is None:
        return {"run": None, "is_named": "run" in arguments}
    return {
        "run": run,
        "started_at": _time(run.started_at),
        "ended_at": _time(run.ended_at) if run.ended_at else None,
        "calls": _calls(console, run.call),
        "key": "run",
    }


def _runs(console: Console, _: Arguments) -> Facts:
    runs = [(run, _time(run.started_at)) for run in console.measurements.all()]
    return {"runs": runs}


def _facts(console: Console, arguments: Arguments) -> Facts:
    return {"service_class": arguments.get("service", "")}


def _calls(console: Console, call: MeasureCall) -> Facts:
    address = console.platform.address or "127.0.0.1:PORT"
    return {"python": python_call(call, address), "shell": shell_line(call)}


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


class _Plots:
    """The plots of the run that a page shows. A message has all of them."""

    def __init__(self, console: Console, arguments: Arguments) -> None:
        self._console = console
        self._arguments = arguments

    def since(self, position: int) -> Sequence[Message]:
        """Return the plots if the run has changed."""
        run = _run_of(self._console, self._arguments)
        if run is None or run.revision <= position:
            return ()
        data = run.shown.plots or json.dumps([])
        return (Message("plots", data, run.revision),)

    def close(self) -> None:
        """Do nothing: the console keeps the runs."""


def _feeds(console: Console, arguments: Arguments) -> Sequence[Feed]:
    return (_Plots(console, arguments),)


async def _show_form(request: Request) -> Response:
    """Return the form of a plug-in, new or with another pin map."""
    submitted = await _submitted(request)
    service = service_named(console_of(request), last_of(submitted, "service"))
    return await _form_of(request, service, submitted)


async def _start_plugin(request: Request) -> Response:
    """Start a plug-in, and return its form."""
    submitted = await _submitted(request)
    service = service_named(console_of(request), last_of(submitted, "service"))
    return await _form_of(request, await start_plugin(request, service), submitted)


async def _form_of(request: Request, service: Service, submitted: Submitted) -> Response:
    if not service.address:
        return _html(request, "measure_idle.html", {"service": service})
    try:
        form = await _load(console_of(request), service, submitted)
    except PluginCallError as error:
        return _html(request, "measure_problem.html", {"service": service, "text": str(error)})
    return _html(request, "measure_form.html", {"form": form})


async def _start_run(request: Request) -> Response:
    """Run a measurement with the values of the form."""
    visitor, console = require_control(request), console_of(request)
    form = await _read(request)
    if form.errors:
        return _with_errors(request, form)
    name = form.plugin.metadata.display_name or form.service.name
    try:
        run = console.measurements.start(
            form.call,
            discovery_address=console.platform.address,
            display_name=name,
            who=visitor.name,
        )
    except TooManyRunsError as error:
        return notice(request, str(error), is_problem=True)
    console.pin_map = form.call.pin_map
    console.audit.note(visitor, "measure", f"{form.service.service_class}, run {run.run_id}")
    return notice(request, f"{name} measures.", html=_in_place(request, form))


async def _show_call(request: Request) -> Response:
    """Show the call that the form means."""
    form = await _read(request)
    if form.errors:
        return _with_errors(request, form)
    calls = _calls(console_of(request), form.call)
    return _html(request, "measure_call.html", {"calls": calls, "key": "form"})


async def _cancel(request: Request) -> Response:
    visitor, console = require_control(request), console_of(request)
    run_id = (await form_of(request)).get("run", "")
    try:
        console.measurements.cancel(run_id, visitor.name)
    except UnknownRunError as error:
        return notice(request, str(error), is_problem=True)
    console.audit.note(visitor, "cancel measurement", run_id)
    return notice(request, "The measurement is being cancelled.")


async def _submitted(request: Request) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in await form_fields_of(request):
        grouped.setdefault(name, []).append(value)
    return grouped


async def _read(request: Request) -> CallForm:
    """Return the form that a browser has submitted.

    Raises:
        RefusedError: The plug-in does not run, or does not answer.
    """
    console, submitted = console_of(request), await _submitted(request)
    service = service_named(console, last_of(submitted, "service"))
    if not service.address:
        raise RefusedError(409, f"{service.name} does not run now. Start it on the page Services.")
    try:
        return await _load(console, service, submitted)
    except PluginCallError as error:
        raise RefusedError(502, str(error)) from error


async def _load(console: Console, service: Service, submitted: Submitted) -> CallForm:
    """Return a form. Only a pin map that the console offers is read.

    Raises:
        PluginCallError: The plug-in cannot be reached.
    """
    pin_maps = await asyncio.to_thread(console.pin_maps.paths)
    chosen = last_of(submitted, "pin_map") if "pin_map" in submitted else console.pin_map
    plugin = await asyncio.to_thread(
        read_plugin,
        service.address,
        service.interfaces,
        console.platform.address,
        chosen if chosen in pin_maps else "",
    )
    return CallForm(service, plugin, pin_maps, submitted)


def _with_errors(request: Request, form: CallForm) -> Response:
    text = "Some values do not fit. The form says which ones."
    return notice(request, text, is_problem=True, html=_in_place(request, form))


def _in_place(request: Request, form: CallForm) -> str:
    """Return the form as a part that replaces the form of the page."""
    html: str = request.app.state.render("measure_form.html", {"form": form})
    return f'<hx-partial hx-target="#measure-form" hx-swap="innerMorph">{html}</hx-partial>'


def _html(request: Request, template: str, facts: Facts) -> Response:
    return HTMLResponse(request.app.state.render(template, facts))


MEASURE = Page(
    "measure",
    "Measure",
    sections={"measure-plugins": _plugins, "measure-run": _run, "measure-runs": _runs},
    facts=_facts,
    feeds=_feeds,
    routes=(
        Route("/measure/form", _show_form, methods=["POST"]),
        Route("/measure/start", _start_plugin, methods=["POST"]),
        Route("/measure/run", _start_run, methods=["POST"]),
        Route("/measure/call", _show_call, methods=["POST"]),
        Route("/measure/cancel", _cancel, methods=["POST"]),
    ),
    scripts=("vendor/uplot-1.6.32.iife.min.js", "plot-style.js", "line-plots.js"),
)
