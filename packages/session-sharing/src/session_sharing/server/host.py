"""Run a session server: listeners, services, health, presence, and a clean end."""

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
from session_sharing.roles import ApiKey, Role
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
from session_sharing.stop_event import stop_when_asked
from session_sharing.v1 import lifecycle_pb2 as pb
from session_sharing.v1 import lifecycle_pb2_grpc

_TICK = 0.1
"""Seconds between two checks of the leases."""
_LATE = 0.5
"""Seconds of delay after which the event loop counts as blocked."""

_log = logging.getLogger(__name__)


class Announcer(Protocol):
    """Publishes where a server is, as at a discovery service, and withdraws it."""

    def start(self, endpoints: Sequence[Endpoint], token: str) -> None:
        """Publish a server that is ready at these endpoints."""

    def stop(self) -> None:
        """Withdraw the server, which has stopped."""


@dataclass(frozen=True, slots=True)
class HostOptions:
    """Options of a server; the defaults serve the programs of one user on this host."""

    listeners: tuple[Listener, ...] = (TcpListener("127.0.0.1"),)
    """The addresses where it listens. Set it when clients need a fixed port, a unix socket or the
    network."""
    anonymous: bool = False
    """Accept clients on this host without a token. Set it when every program on this host may use
    the sessions, as for clients that cannot read the token."""
    network: bool = False
    """Allow listeners that other hosts can reach. Set it together with `tls` when clients are on
    other hosts."""
    tls: TlsFiles | None = None
    """Certificates for those listeners, and for listeners on this host that speak TLS."""
    api_keys: Mapping[str, str | ApiKey] = field(default_factory=dict, repr=False)
    """API keys by id; a text is a key with the role `use`. Set it when clients cannot read the
    token, as on other hosts, or when the server must distinguish several clients."""
    window: float = 2.0
    """Presence window, in seconds, of clients on this host that ask for none. Set it longer when
    the machine is so busy that programs can stop for seconds."""
    network_window: float = 10.0
    """The same for clients on other hosts. Set it longer when the network can fail for longer."""
    grace: float = 5.0
    """Seconds in which calls can finish when the server stops. Set it longer when one call of the
    resource takes longer."""
    max_calls: int = 200
    """Calls that one connection may have open at a time; more calls wait at the client. Set it
    higher when one client calls from more threads."""
    calls: CallLimits = field(default_factory=CallLimits)
    """Limits of the calls, over all connections. Set it when messages are large, or memory is
    scarce."""
    workers: int = 32
    """Threads that open and release resources, not counting threads that hang. Set it higher when
    many slow resources open at once."""
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    """Times and limits of the registry. Set it when sessions must live longer or shorter."""

    @property
    def has_several_identities(self) -> bool:
        """Whether the server distinguishes callers, so that they share its limits."""
        asks_for_certificates = self.tls is not None and self.tls.client_authority is not None
        return bool(self.api_keys) or asks_for_certificates


class SessionHost:
    """Serves sessions to resources of the given kinds, in one event loop.

    Await `run`, which serves until a signal stops the process. Use `start` and `stop` instead in an
    event loop that has other work, as in tests.
    """

    def __init__(
        self, kinds: Mapping[str, ResourceKind], options: HostOptions | None = None
    ) -> None:
        """Prepare to serve; nothing listens before `start`.

        Args:
            kinds: The resource kinds by name: `Resource` subclasses, or other objects with a method
                `locate`.
            options: Options of the server.

        Raises:
            InvalidArgumentError: A listener is open to other hosts, but the options do not allow or
                protect that.
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
        users_role = Role.USE if self.options.anonymous else Role.ADMINISTRATE
        self.authenticator = Authenticator(api_keys=self.options.api_keys, users_role=users_role)
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
        """By the function that identifies callers, and the default window."""
        self._bound = BoundListeners(self.options.tls)
        self._announcers: list[Announcer] = []
        self._services: dict[str, Callable[[grpc.aio.Server], None]] = {}
        """Functions that add each service to a server, by the name of the service."""
        self._add_own_services()

    @property
    def targets(self) -> Sequence[str]:
        """Where clients reach the server, as gRPC targets; empty before `start`."""
        return [endpoint.target for endpoint in self.endpoints]

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """The same, with hosts and ports, and whether clients speak TLS there."""
        return self._bound.endpoints

    def add_service(
        self,
        add_to_server: Callable[[Any, grpc.aio.Server], None],
        servicer: object,
        name: str,
        data_methods: Iterable[str] = (),
    ) -> None:
        """Add a service with calls for a resource.

        Args:
            add_to_server: The generated `add_…Servicer_to_server`.
            servicer: The servicer.
            name: Full name of the service.
            data_methods: Names of the methods whose requests may be as large as a message. The
                requests of other methods are limited to `CallLimits.max_request_bytes`.
        """
        self._services[name] = partial(add_to_server, servicer)
        self._data_methods.update(f"/{name}/{method}" for method in data_methods)

    def add_announcer(self, announcer: Announcer) -> None:
        """Add an announcer, which publishes the server when it is ready."""
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
        """Start the announcers. Call it after the state file is written."""
        for announcer in self._announcers:
            announcer.start(self.endpoints, self.authenticator.token)

    async def stop(self) -> None:
        """Stop the server without losing data.

        The server refuses new sessions, ends open streams with a draining event, finishes the calls
        that it has begun, closes every session, and then stops the announcers.
        """
        self.draining.set()
        self.registry.drain()
        await self._stop_servers(self.options.grace)
        self._ticker.cancel()
        all_free = asyncio.wrap_future(self.registry.close_all())
        await asyncio.wait([all_free], timeout=self.options.registry.release_timeout)
        if not all_free.done():
            _log.error(
                "%d resources were not released within %g s, because their release hooks do not "
                "return. The server stops without them.",
                len(self.registry),
                self.options.registry.release_timeout,
            )
        for announcer in reversed(self._announcers):
            await asyncio.to_thread(announcer.stop)
        self.executor.shutdown()

    async def run(
        self,
        on_ready: Callable[[], None] = lambda: None,
        *,
        stop_with_starter: bool = False,
        stop_when_idle: float = 0.0,
        on_hangup: Callable[[], None] | None = None,
    ) -> None:
        """Serve until Ctrl-C, SIGTERM or the end of the terminal, then stop cleanly.

        Args:
            on_ready: Called when the server is ready. If it raises an error, the server stops, and
                `run` raises that error.
            stop_with_starter: Stop also when the program that started this process closes its
                standard input, as discovery services do.
            stop_when_idle: Stop also when there was no client and no session for so many seconds; 0
                to go on.
            on_hangup: Called in the loop for every SIGHUP while the terminal still exists, where
                the system has that signal. Without it, every SIGHUP stops the server.
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
            with stop_when_asked(stop):
                on_ready()
                self.announce()
                if stop_with_starter:
                    when_starter_goes(stop)
                if stop_when_idle:
                    idle = asyncio.ensure_future(self._until_idle(stop_when_idle))
                    idle.add_done_callback(stop)
                await stopping.wait()
        finally:
            await self.stop()

    async def _until_idle(self, seconds: float) -> None:
        """Wait until there was no client and no session for so many seconds."""
        used_at = time.monotonic()
        while time.monotonic() - used_at < seconds:
            await asyncio.sleep(min(seconds, 1.0))
            if len(self.clients) or len(self.registry):
                used_at = time.monotonic()

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
        """Return the gRPC server of a listener; listeners with equal callers share one."""
        is_local = isinstance(listener, UnixListener) or listener.is_loopback
        window = self.options.window if is_local else self.options.network_window
        kind = self._identify(listener), window
        if kind not in self._servers:
            self._servers[kind] = self._make_server(*kind)
        return self._servers[kind]

    def _identify(self, listener: Listener) -> Identify:
        """Return the function that identifies the callers of a listener."""
        if self.options.anonymous or isinstance(listener, UnixListener):
            return everybody
        if listener.speaks_tls and self.options.tls and self.options.tls.client_authority:
            return holder_of_certificate
        return self.authenticator.holder_of_token

    def _make_server(self, identify: Identify, window: float) -> grpc.aio.Server:
        interceptor = DomainInterceptor(
            self.registry,
            identify,
            self.authenticator.role_of,
            self.counters,
            self._quota,
            window,
            self._data_methods,
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
        """Expire leases; after a blocked loop, first give waiting clients time to come back."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            if time.monotonic() - before >= _TICK + _LATE:
                _log.warning(
                    "The server's event loop was blocked for more than %g s. Clients get more time "
                    "before they expire.",
                    _LATE,
                )
                continue
            self.executor.relieve()
            self._quota.turns.end_slow(time.monotonic())
            try:
                self.registry.leases.expire_due()
            except Exception:
                _log.exception("The server could not check which leases have expired.")
