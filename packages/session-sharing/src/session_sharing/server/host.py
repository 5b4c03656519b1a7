"""A server of sessions: listeners, services, health, presence, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol

import grpc
import grpc.aio

from session_sharing.core.clients import Clients
from session_sharing.core.events import utc_now
from session_sharing.core.registry import RegistryOptions, SessionRegistry
from session_sharing.core.resources import ResourceKind
from session_sharing.places import Endpoint
from session_sharing.server import messages
from session_sharing.server.counters import Counters
from session_sharing.server.identity import (
    Authenticator,
    Identify,
    everybody,
    holder_of_certificate,
)
from session_sharing.server.interceptor import DomainInterceptor
from session_sharing.server.lifecycle import SessionLifecycleServicer
from session_sharing.server.listeners import (
    BoundListeners,
    Listener,
    TcpListener,
    TlsFiles,
    UnixListener,
    check_exposure,
)
from session_sharing.server.quota import CallLimits, Quota
from session_sharing.server.standard_services import add_standard_services
from session_sharing.server.terminal import Terminal
from session_sharing.server.transport import make_server
from session_sharing.server.workers import Workers
from session_sharing.starter import when_starter_goes
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc

_TICK = 0.1
"""Seconds between two looks at the leases."""
_LATE = 0.5
"""Seconds of delay after which the loop counts as having been blocked."""

_log = logging.getLogger(__name__)


class Announcer(Protocol):
    """Tells the world where a server is, and takes it back."""

    def start(self, endpoints: Sequence[Endpoint], token: str) -> None:
        """The server is ready there."""

    def stop(self) -> None:
        """The server is gone."""


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How a server is run; the defaults serve the programs of one user on this host."""

    listeners: tuple[Listener, ...] = (TcpListener("127.0.0.1"),)
    """Where it listens. Set it when clients need a fixed port, a unix socket or the network."""
    anonymous: bool = False
    """Ask no client on this host for a token. Set it when every program on this host may use the
    sessions, as for clients that cannot read the token."""
    network: bool = False
    """Allow listeners that other hosts can reach. Set it with `tls` when clients are elsewhere."""
    tls: TlsFiles | None = None
    """Certificates for those listeners, and for those on this host that speak TLS."""
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """API keys by id. Set it when clients cannot read the token, as on other hosts, or when the
    server has to tell several clients apart."""
    window: float = 2.0
    """Presence window, in seconds, of clients on this host that ask for none. Set it longer when
    the machine is so busy that programs stand still for seconds."""
    network_window: float = 10.0
    """The same for clients on other hosts. Set it longer when the network fails for longer."""
    grace: float = 5.0
    """Seconds that calls under way may take when the server stops. Set it longer when one call of
    the resource takes longer."""
    max_calls: int = 200
    """Calls that one connection may have open at a time; more wait at the client. Set it higher
    when one client has more threads that call."""
    calls: CallLimits = field(default_factory=CallLimits)
    """What calls may take of the server, over all connections. Set it when messages are large, or
    memory is scarce."""
    workers: int = 32
    """Threads that open and release resources, without those that hang in one. Set it higher when
    many slow resources open at once."""
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    """Times and limits of the registry. Set it when sessions must live longer or shorter."""

    @property
    def has_several_identities(self) -> bool:
        """Whether callers are told apart, so that they share what there is."""
        asks_for_certificates = self.tls is not None and self.tls.client_authority is not None
        return bool(self.api_keys) or asks_for_certificates


class SessionHost:
    """Serves sessions to resources of the given kinds. Lives in one event loop.

    Await `run`, which serves until the process is told to stop. Use `start` and `stop` instead in
    an event loop that has other work, as in tests.
    """

    def __init__(
        self, kinds: Mapping[str, ResourceKind], options: HostOptions | None = None
    ) -> None:
        """Prepare to serve; nothing listens before `start`.

        Args:
            kinds: What makes resources, by the name of their kind; `Resource` subclasses are.
            options: How the server is run.

        Raises:
            InvalidArgumentError: The options would let others in unnoticed.
        """
        self.options = options or HostOptions()
        check_exposure(
            self.options.listeners,
            network=self.options.network,
            tls=self.options.tls,
            anonymous=self.options.anonymous,
        )
        registry = self.options.registry
        several = self.options.has_several_identities
        registry = replace(registry, limits=replace(registry.limits, fair=several))
        self.executor = Workers(self.options.workers, "session-worker", registry.release_timeout)
        self.registry = SessionRegistry(kinds, self.executor, options=registry)
        self.clients = Clients(self.registry)
        self.authenticator = Authenticator(api_keys=self.options.api_keys)
        self.draining = asyncio.Event()
        self.counters = Counters()
        self.counters.gauge("clients", lambda: len(self.clients))
        self.counters.gauge("sessions", lambda: len(self.registry))
        self.registry.events.listen(self.counters.count_event)
        self._quota = Quota(self.options.calls, fair=several)
        self.counters.gauge("bytes_under_way", lambda: self._quota.bytes.total)
        self.counters.gauge("streams", lambda: self._quota.streams.total)
        self.counters.gauge("reads", lambda: self._quota.turns.total)
        self._data_methods: set[str] = set()
        self._servers: dict[tuple[Identify, float], grpc.aio.Server] = {}
        """By how they know their callers, and the window of those that ask for none."""
        self._bound = BoundListeners(self.options.tls)
        self._announcers: list[Announcer] = []
        self._services: dict[str, Callable[[grpc.aio.Server], None]] = {}
        """How each is added to a server, by its name."""
        self._add_own_services()

    @property
    def targets(self) -> Sequence[str]:
        """Where clients reach the server, as gRPC targets; empty before `start`."""
        return [endpoint.target for endpoint in self.endpoints]

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """The same, with what is spoken there."""
        return self._bound.endpoints

    def add_service(
        self,
        add_to_server: Callable[[Any, grpc.aio.Server], None],
        servicer: object,
        name: str,
        data_methods: Iterable[str] = (),
    ) -> None:
        """Add a service of a resource's own.

        Args:
            add_to_server: The generated `add_…Servicer_to_server`.
            servicer: What serves it.
            name: Full name of the service.
            data_methods: Names of the methods whose requests may be as large as a message; those of
                others are limited to `CallLimits.max_request_bytes`.
        """
        self._services[name] = partial(add_to_server, servicer)
        self._data_methods.update(f"/{name}/{method}" for method in data_methods)

    def add_announcer(self, announcer: Announcer) -> None:
        """Have a server that is ready told to the world."""
        self._announcers.append(announcer)

    async def start(self) -> None:
        """Listen and serve.

        Raises:
            SessionSharingError: A listener cannot be opened; nothing is left open.
        """
        try:
            for listener in self.options.listeners:
                self._bound.bind(self._server_of(listener), listener)
            for server in self._servers.values():
                await server.start()
        except BaseException:
            await self._stop_servers(0)
            self.executor.shutdown()
            raise
        self._ticker = asyncio.ensure_future(self._tick())

    def announce(self) -> None:
        """Tell the world of this server; call it when the state file is there."""
        for announcer in self._announcers:
            announcer.start(self.endpoints, self.authenticator.token)

    async def stop(self) -> None:
        """Stop in the order in which nothing is lost.

        Not serving, refuse new sessions, end open streams with a draining event, finish the calls
        under way, close every session, and only then tell the world.
        """
        self.draining.set()
        self.registry.drain()
        await self._stop_servers(self.options.grace)
        self._ticker.cancel()
        all_free = asyncio.wrap_future(self.registry.close_all())
        await asyncio.wait([all_free], timeout=self.options.registry.release_timeout)
        if not all_free.done():
            _log.error("%d resources do not come free; stopping anyway.", len(self.registry))
        for announcer in reversed(self._announcers):
            await asyncio.to_thread(announcer.stop)
        self.executor.shutdown()

    async def run(
        self,
        on_ready: Callable[[], None] = lambda: None,
        *,
        stop_with_starter: bool = False,
        on_hangup: Callable[[], None] | None = None,
    ) -> None:
        """Serve until Ctrl-C, SIGTERM or the end of the terminal, then stop cleanly.

        Args:
            on_ready: Called once the server is ready; what it raises comes back, after the stop.
            stop_with_starter: Stop also when whoever started this process closes its standard
                input, as discovery services do.
            on_hangup: Called in the loop for every SIGHUP that does not tell of the terminal's end,
                where the system has that signal; without it every SIGHUP stops the server.
        """
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop(*_: object) -> None:
            with contextlib.suppress(RuntimeError):  # it has stopped already
                loop.call_soon_threadsafe(stopping.set)

        terminal = Terminal()

        def hang_up(*_: object) -> None:
            if on_hangup is None or terminal.is_gone():
                stop()
            else:
                loop.call_soon_threadsafe(on_hangup)

        handlers = {"SIGINT": stop, "SIGTERM": stop, "SIGBREAK": stop, "SIGHUP": hang_up}
        for name, handler in handlers.items():  # not every system has all
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), handler)
        await self.start()
        try:
            on_ready()
            self.announce()
            if stop_with_starter:
                when_starter_goes(stop)
            await stopping.wait()
        finally:
            await self.stop()

    def _add_own_services(self) -> None:
        identity = pb.GetServerInfoResponse(
            epoch=self.registry.epoch,
            version=version("session-sharing"),
            kinds=sorted(self.registry.kinds),
            started_at=messages.timestamp(utc_now()),
            max_message_bytes=self.options.calls.max_message_bytes,
        )
        lifecycle = SessionLifecycleServicer(
            self.registry,
            self.clients,
            draining=self.draining,
            identity=identity,
            counters=self.counters.read,
        )
        self.add_service(
            lifecycle_pb2_grpc.add_SessionLifecycleServicer_to_server,
            lifecycle,
            pb.DESCRIPTOR.services_by_name["SessionLifecycle"].full_name,
        )

    def _server_of(self, listener: Listener) -> grpc.aio.Server:
        """Give the server of all listeners with the same kind of callers."""
        is_local = isinstance(listener, UnixListener) or listener.is_loopback
        window = self.options.window if is_local else self.options.network_window
        kind = self._identify(listener), window
        if kind not in self._servers:
            self._servers[kind] = self._make_server(*kind)
        return self._servers[kind]

    def _identify(self, listener: Listener) -> Identify:
        """Tell how a listener knows its callers."""
        if self.options.anonymous or isinstance(listener, UnixListener):
            return everybody
        if listener.speaks_tls and self.options.tls and self.options.tls.client_authority:
            return holder_of_certificate
        return self.authenticator.holder_of_token

    def _make_server(self, identify: Identify, window: float) -> grpc.aio.Server:
        interceptor = DomainInterceptor(
            self.registry, identify, self.counters, self._quota, window, self._data_methods
        )
        server = make_server(
            interceptor,
            window=window,
            max_message_bytes=self.options.calls.max_message_bytes,
            max_calls=self.options.max_calls,
        )
        for add_to in self._services.values():
            add_to(server)
        add_standard_services(server, self._services, self.draining)
        return server

    async def _stop_servers(self, grace: float) -> None:
        await asyncio.gather(*(server.stop(grace) for server in self._servers.values()))
        self._bound.release()

    async def _tick(self) -> None:
        """Expire leases; after a blocked loop, first let those who were kept waiting come back."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            if time.monotonic() - before >= _TICK + _LATE:
                _log.warning("The event loop was blocked; leases run on for a moment.")
                continue
            self.executor.relieve()
            self._quota.turns.end_slow(time.monotonic())
            try:
                self.registry.leases.expire_due()
            except Exception:
                _log.exception("Leases could not be looked through.")
