"""Show the services that discovery knows, and start a plug-in."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from plugin_kit import PluginCallError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from measurement_console.console import Console
from measurement_console.errors import RefusedError
from measurement_console.measure.plugins import is_measurement
from measurement_console.pages.page import (
    Arguments,
    Facts,
    Page,
    console_of,
    form_of,
    notice,
    require_control,
)
from measurement_console.sources.platform import Service


def service_named(console: Console, service_class: str) -> Service:
    """Return a service that discovery knows, running or not.

    Raises:
        RefusedError: Discovery knows no such service now.
    """
    for service in console.platform.state.services:
        if service.service_class == service_class:
            return service
    raise RefusedError(404, "Discovery does not know this service now. Load the page again.")


def _list(console: Console, _: Arguments) -> Facts:
    return {
        "platform": console.platform.health,
        "services": console.platform.state.services,
        "is_measurement": is_measurement,
    }


async def start_plugin(request: Request, service: Service) -> Service:
    """Start a plug-in for a visitor who is in control, by asking discovery where it is.

    Returns:
        The service, with the address of the plug-in.

    Raises:
        RefusedError: The plug-in cannot be started, or the visitor is not in control.
    """
    visitor, console = require_control(request), console_of(request)
    client = console.platform.client
    if client is None:
        raise RefusedError(503, "No measurement platform is there now.")
    interface = service.interfaces[0] if service.interfaces else ""
    try:
        address = await asyncio.to_thread(client.resolve, interface, service.service_class)
    except PluginCallError as error:
        console.audit.note(visitor, "start", service.service_class, str(error))
        raise RefusedError(502, f"{service.name} did not start. {error}") from error
    console.audit.note(visitor, "start", service.service_class)
    console.platform.refresh()
    return replace(service, address=address)


async def _start(request: Request) -> Response:
    named = (await form_of(request)).get("service", "")
    service = await start_plugin(request, service_named(console_of(request), named))
    return notice(request, f"{service.name} runs at {service.address}.")


async def _output(request: Request) -> Response:
    """Show the last output of a plug-in that the platform has started."""
    console = console_of(request)
    service = service_named(console, (await form_of(request)).get("service", ""))
    client = console.platform.client
    if client is None or not service.address:
        return notice(request, f"{service.name} does not run now.", is_problem=True)
    try:
        run = await asyncio.to_thread(client.last_run, service.address)
    except PluginCallError:  # NI's own services have no such call
        run = None
    text = run.output if run else "Only what platform-sim has started shows its output here."
    html = request.app.state.render("service_output.html", {"service": service, "text": text})
    return notice(request, f"Output of {service.name}", html=html)


SERVICES = Page(
    "services",
    "Services",
    sections={"services-list": _list},
    routes=(
        Route("/services/start", _start, methods=["POST"]),
        Route("/services/output", _output, methods=["POST"]),
    ),
)
