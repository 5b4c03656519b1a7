"""Serve a console until a signal comes, and say where it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import ssl
import sys
import webbrowser
from collections.abc import Generator
from pathlib import Path
from urllib.error import URLError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import uvicorn
from session_sharing.core.errors import InvalidArgumentError, ResourceInUseError
from session_sharing.places import read_private, write_private
from session_sharing.printing import say
from session_sharing.state_file import StateFile
from session_sharing.stopping import StopSignals

from measurement_console.app import Site
from measurement_console.console import Console
from measurement_console.errors import OptionsError, RunningConsoleError
from measurement_console.options import ConsoleOptions

_STOP_SECONDS = 3


async def serve(options: ConsoleOptions, state_file: Path, *, opens_browser: bool) -> None:
    """Serve a console until Ctrl-C or SIGTERM.

    Args:
        options: Where it listens, and what its users may do.
        state_file: File by which `measurement-console link` finds the console.
        opens_browser: Open the page in the user's browser, if there is a desktop.

    Raises:
        OptionsError: The address or a file cannot be used.
    """
    options.check()
    secret_file = state_file.with_suffix(".token")
    state = StateFile(state_file, ["pid", "address"], [secret_file])
    _claim(state)
    try:
        with StopSignals() as signals, _listen(options) as listening:
            console = Console(options)
            address = _address(options, listening.getsockname()[1])
            secret = secrets.token_urlsafe(32)
            site = Site(console, secret)
            server = _Server(_config(site, options))
            running = asyncio.ensure_future(server.serve(sockets=[listening]))
            await _until_started(server, running)
            write_private(secret_file, secret)
            facts = {"pid": os.getpid(), "address": address, "token_file": str(secret_file)}
            state.publish(facts)
            _announce(f"{address}/enter?token={console.make_link()}", opens_browser)
            await _until_stopped(signals, running)
            site.end_streams()
            server.should_exit = True
            await running
    finally:
        state.remove()


class _Server(uvicorn.Server):
    """A server that leaves the signals of the process alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing."""
        yield


def ask_for_link(state_file: Path) -> str:
    """Return a new one-time link to the console that runs.

    Raises:
        RunningConsoleError: No console runs, or it does not answer.
    """
    try:
        state = json.loads(read_private(state_file))
        address, secret = str(state["address"]), read_private(Path(state["token_file"])).strip()
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise RunningConsoleError(
            f"No console runs with the state file {state_file}. Start one with: measurement-console"
        ) from error
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    request = Request(f"{address}/link", b"", {"Authorization": f"Bearer {secret}"})  # noqa: S310
    try:
        with opener.open(request, timeout=5) as answer:
            token = json.loads(answer.read())["token"]
    except (URLError, OSError, ValueError, LookupError) as error:
        raise RunningConsoleError(f"The console at {address} does not answer: {error}.") from error
    return f"{address}/enter?token={token}"


def _config(site: Site, options: ConsoleOptions) -> uvicorn.Config:
    return uvicorn.Config(
        site.make_app(),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_keep_alive=30,
        limit_concurrency=600,
        h11_max_incomplete_event_size=64 * 1024,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.certificate_key,
    )


def _listen(options: ConsoleOptions) -> socket.socket:
    """Return a listening socket.

    Raises:
        OptionsError: The address cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM
        )[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
    except OSError as error:
        raise OptionsError(
            f"The console cannot listen at {options.host}, port {options.port}: {error.strerror}. "
            "Another program may use the port: choose another one."
        ) from error
    return listening


def _address(options: ConsoleOptions, port: int) -> str:
    scheme = "https" if options.speaks_tls else "http"
    host = options.host
    if not options.is_loopback:
        host = options.names[0] if options.names else socket.gethostname()
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


async def _until_started(server: uvicorn.Server, running: asyncio.Future[None]) -> None:
    while not server.started:
        if running.done():
            await running
            raise OptionsError("The web server could not be started. See the message above.")
        await asyncio.sleep(0.01)


async def _until_stopped(signals: StopSignals, running: asyncio.Future[None]) -> None:
    """Wait for a signal, or for the end of the server."""
    waiting = asyncio.ensure_future(asyncio.to_thread(signals.wait))
    await asyncio.wait([waiting, running], return_when=asyncio.FIRST_COMPLETED)
    signals.request()
    await waiting


def _claim(state: StateFile) -> None:
    """Take the state file for this console.

    Raises:
        OptionsError: A console runs with this file, or it cannot be written.
    """
    try:
        state.claim()
    except ResourceInUseError as error:
        raise OptionsError(
            f"A console runs already with the state file {state.path}. Open it with the link of: "
            "measurement-console link. Or start another one with its own --state-file."
        ) from error
    except InvalidArgumentError as error:
        raise OptionsError(str(error)) from error


def _announce(url: str, opens_browser: bool) -> None:
    say(f"Measurement console: {url}")
    if opens_browser and _has_desktop():
        webbrowser.open(url)


def _has_desktop() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
