"""Show the sequences and their runs; start and terminate them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from measurement_console.console import Console
from measurement_console.errors import RefusedError, ServiceCallError
from measurement_console.file_names import file_name
from measurement_console.pages.page import (
    Arguments,
    Facts,
    Page,
    arguments_of,
    console_of,
    form_of,
    notice,
    require_control,
)
from measurement_console.sequences.run_view import RunView
from measurement_console.sequences.start_form import StartInputError, option_texts, read_start
from measurement_console.sources.sequences import Run

_FILES = {
    "junit": ("RUN_FILE_JUNIT", "application/xml", ".junit.xml"),
    "output": ("RUN_FILE_OUTPUT", "text/plain; charset=utf-8", ".log"),
}
"""The files of a run: its name in the service, its media type and the ending of its name."""


def _files(console: Console, _: Arguments) -> Facts:
    return {"health": console.sequences.health, "files": console.sequences.state.files}


def _options(console: Console, _: Arguments) -> Facts:
    state = console.sequences.state
    return {
        "files": [file for file in state.files if not file.refusal],
        "pin_maps": [file for file in state.pin_maps if not file.refusal],
    }


def _runs(console: Console, _: Arguments) -> Facts:
    runs = [(run, option_texts(run)) for run in console.sequences.runs]
    return {"health": console.sequences.health, "runs": runs}


def _shown_run(console: Console, arguments: Arguments) -> Run | None:
    """Return the run that a page names, or else the latest one."""
    if "run" in arguments:
        return console.sequences.find(arguments["run"])
    return next(iter(console.sequences.runs), None)


def _run(console: Console, arguments: Arguments) -> Facts:
    run = _shown_run(console, arguments)
    view = (console.sequences.view(run.run_id) if run else None) or RunView()
    return {
        "health": console.sequences.health,
        "run": run,
        "view": view,
        "options": option_texts(run) if run else [],
        "is_named": "run" in arguments,
    }


async def _start(request: Request) -> Response:
    visitor, console = require_control(request), console_of(request)
    try:
        start = read_start(await form_of(request))
    except StartInputError as error:
        return notice(request, str(error), is_problem=True)
    try:
        await asyncio.to_thread(_call, console, "Start", **start.fields)
    except ServiceCallError as error:
        console.audit.note(visitor, "start sequence", str(start), str(error))
        return notice(request, f"The sequence was not started. {error}", is_problem=True)
    console.audit.note(visitor, "start sequence", str(start))
    return notice(request, f"{file_name(start.sequence)} runs.")


async def _terminate(request: Request) -> Response:
    visitor, console = require_control(request), console_of(request)
    form = await form_of(request)
    run_id, is_kill = form.get("run", ""), form.get("kill") == "yes"
    what = "kill sequence" if is_kill else "terminate sequence"
    try:
        await asyncio.to_thread(_call, console, "Terminate", run_id=run_id, without_cleanup=is_kill)
    except ServiceCallError as error:
        console.audit.note(visitor, what, run_id, str(error))
        return notice(request, f"The run was not terminated. {error}", is_problem=True)
    console.audit.note(visitor, what, run_id)
    text = "The run is killed, without Cleanup." if is_kill else "The run ends after its Cleanup."
    return notice(request, text)


def _call(console: Console, method: str, **fields: Any) -> None:
    console.sequences.service().call(method, **fields)
    console.sequences.refresh()


async def _download(request: Request) -> Response:
    """Stream a file of a run."""
    arguments, console = arguments_of(request), console_of(request)
    name, kind, ending = _FILES[request.path_params["file"]]
    run = console.sequences.find(arguments.get("run", ""))
    if run is None:
        raise RefusedError(404, "The platform has no such run now.")
    try:
        service = await asyncio.to_thread(console.sequences.service)
        parts = service.stream("ReadFile", run_id=run.run_id, file=name)
        first = await asyncio.to_thread(next, parts, None)
    except ServiceCallError as error:
        raise RefusedError(409, str(error)) from error

    async def content() -> AsyncIterator[bytes]:
        part = first
        while part is not None:
            yield part.content
            part = await asyncio.to_thread(next, parts, None)

    file = f"{_plain(PurePath(run.sequence).stem)}-{run.run_id}{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return StreamingResponse(content(), media_type=kind, headers=headers)


def _plain(name: str) -> str:
    """Return a name with only such characters as every system allows in the name of a file."""
    return "".join(one if one.isascii() and one.isalnum() else "_" for one in name)[:80]


SEQUENCES = Page(
    "sequences",
    "Sequences",
    sections={
        "sequences-files": _files,
        "sequences-options": _options,
        "sequences-run": _run,
        "sequences-runs": _runs,
    },
    routes=(
        Route("/sequences/start", _start, methods=["POST"]),
        Route("/sequences/terminate", _terminate, methods=["POST"]),
        Route("/sequences/{file:str}", _download, methods=["GET"]),
    ),
)
