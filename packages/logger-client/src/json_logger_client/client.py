"""The client that measurement code uses to log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from json_logger_proto.names import KIND
from session_sharing.client import (
    CallTimeoutError,
    Connection,
    ConnectOptions,
    InitializationBehavior,
    InvalidArgumentError,
    ServerUnavailableError,
    SessionExpiredError,
    SessionOptions,
    SessionSharingError,
    SharedSession,
)
from session_sharing.client.arguments import check_argument

from json_logger_client.encoding import encode_record
from json_logger_client.grpc_options import GrpcSessionOptions
from json_logger_client.locating import locate_logger
from json_logger_client.outbox import StreamOptions, Ticket
from json_logger_client.sender import Sender
from json_logger_client.stream import LogStream

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient


_SERVER_IS_GONE = (ServerUnavailableError, CallTimeoutError)


class JsonLoggerClient(SharedSession):
    """A session on a shared log file.

    Open it by the file's name, in a `with` block::

        with JsonLoggerClient("measurements.ndjson") as log:
            log.log_data("leakage", {"voltage": 3.3}, {"current": [1.2e-9, 1.4e-9]})

    The client finds the logger by itself; the block opens the log, or attaches to it where it is
    open, and leaving the block does what the behavior says. Thread-safe; records keep their order.

    The alternatives: `stream` for high rates, and `JsonLoggerSessionConstructor` in a measurement
    plug-in.
    """

    kind: ClassVar[str] = KIND

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        initialization_behavior: InitializationBehavior = InitializationBehavior.AUTO,
        discovery_client: DiscoveryClient | None = None,
        *,
        connection: Connection | ConnectOptions | None = None,
        options: SessionOptions | None = None,
        grpc_options: GrpcSessionOptions | None = None,
        reset_after_restart: bool = False,
    ) -> None:
        """Open the log. The file's name is enough; the other arguments are for special cases.

        Args:
            file_path: Name of the file; a relative one starts at the server's first log folder.
            initialization_behavior: Whether to create or attach, and what leaving does. Use it when
                one program must be the first, or when the log must stay open after this block.
            discovery_client: NI discovery client that finds the server when nothing else names it.
                Use it in programs that have one.
            connection: How to reach the server (`ConnectOptions`), or a `Connection`, which stays
                the caller's. Use options for a server on another host, and a connection to open
                several logs over it.
            options: More about the session. Use it when several programs share the log
                (`close_policy`), and to name the session.
            grpc_options: Channel, session name and behavior in the form of NI's drivers; the
                channel stays the caller's, and presence shares it. Use it in code that has such an
                object, instead of `connection`, `options` and `initialization_behavior`.
            reset_after_restart: When the server was restarted, open the log again without being
                asked, and go on. Use it when it is more important to go on than to know that
                nothing else happened: another program may have opened the log and written between
                your records; the session has another name unless `options` names it; and an opening
                that is refused ends the session all the same.

        Raises:
            ServerUnavailableError: The logger is not found, or cannot be reached.
            SessionSharingError: The log cannot be opened.
        """
        check_argument("file_path", file_path, str, os.PathLike)
        check_argument("connection", connection, Connection, ConnectOptions, type(None))
        check_argument("options", options, SessionOptions, type(None))
        options, connection, own_connection = _settings(
            initialization_behavior, discovery_client, connection, options, grpc_options
        )
        self._reset_after_restart = reset_after_restart
        self._calls = self._new_sender()
        self._streams: list[Sender] = []
        super().__init__(os.fspath(file_path), connection, options, owns_connection=own_connection)

    @property
    def path(self) -> str:
        """Absolute path of the file, as the server names it."""
        return self.details["path"]

    def log_data(
        self,
        measurement_name: str,
        measurement_configurations: Mapping[str, Any],
        measurement_outputs: Mapping[str, Any],
        timestamp: datetime | None = None,
    ) -> int:
        """Append one record; returns once it is as safe as the server's durability says.

        Numbers, texts, booleans, None, lists, tuples, sets, dicts, enums (by value), dataclasses
        and numpy arrays become the JSON of their kind. Dates and times become RFC 3339 text, in UTC
        where they have a zone; durations become seconds; a Decimal becomes a number with all its
        digits, or text beyond 1e308; paths become text; NaN and the infinities become the texts
        "NaN", "Infinity" and "-Infinity", as in protobuf's JSON.

        A signal handler may call it, also while the same thread is in it. When Ctrl-C, or another
        exception of a signal handler, comes meanwhile, the record is written all the same, or the
        error is raised when the block is left.

        Args:
            measurement_name: The name of the measurement.
            measurement_configurations: How it was made: values by name.
            measurement_outputs: What was measured: values by name.
            timestamp: When; by default now. One without a zone is local time.

        Returns:
            The record's sequence number in the file.

        Raises:
            InvalidArgumentError: A value has no JSON form.
            LimitExceededError: The record is larger than the server takes.
            SessionExpiredError: The session is over. When the server was restarted it is a
                `ServerRestartedError`; `reset()` opens the log again and sends the record, if the
                old server had not written it.
            CallTimeoutError: There was no answer in time. The record is not lost: the next call
                sends it again first, and it is written once.
            InheritedClientError: The client belongs to the parent process.
            ReentrantCallError: A `__del__` called this in the thread that does the sending.
            SessionSharingError: Another error that the server answered; the record was not written
                and never will be.
        """
        self.owner.check()
        line = encode_record(
            measurement_name, measurement_configurations, measurement_outputs, timestamp
        )
        calls = self._calls
        calls.check_size(line)
        if calls.error is not None and not calls.has_room(len(line)):
            raise calls.error
        return calls.answer(Ticket(line))

    def stream(self, options: StreamOptions | None = None) -> LogStream:
        """Open a stream for high rates: records go in batches and are acknowledged later.

        Use it in a `with` block::

            with log.stream() as stream:
                for sample in samples:
                    stream.log("scope", {"channel": 0}, {"waveform": sample})

        Leaving the block waits for the last acknowledgement and raises what went wrong. Without a
        block, call `close`; what is left otherwise is sent when the program ends.

        Args:
            options: When a batch is sent. Use it when the defaults do not fit: records that must
                leave sooner, or little memory.

        Raises:
            InheritedClientError: The client belongs to the parent process.
        """
        self.owner.check()
        check_argument("options", options, StreamOptions, type(None))
        sender = self._new_sender(options)
        self._streams = [other for other in self._streams if not other.is_done] + [sender]
        return LogStream(sender, self.owner)

    def close_file(self) -> None:
        """Close the log, for everybody unless it was opened otherwise; `close` by its old name."""
        self.close()

    def reset(self) -> None:
        """Open the log anew and send what was not acknowledged before.

        Raises:
            SessionSharingError: The log cannot be opened, or a record not be written.
        """
        super().reset()
        senders = [self._calls, *self._streams]
        for sender in senders:
            sender.try_again()
        for sender in senders:
            if sender is self._calls or sender.closed:
                sender.flush()

    def _before_end(self) -> None:
        errors: list[SessionSharingError] = []
        for sender in [*self._streams, self._calls]:
            try:
                self._send_rest(sender)
            except SessionSharingError as error:
                errors.append(error)
                if isinstance(error, _SERVER_IS_GONE):
                    break
        if errors:
            raise errors[0]

    def _send_rest(self, sender: Sender) -> None:
        if sender is self._calls:
            if not isinstance(sender.error, SessionExpiredError):  # its caller knows
                sender.close(self.connection.grace)
        elif not sender.closed:
            sender.close()
        elif not sender.is_reported:
            sender.flush()  # whoever closed it was interrupted

    def _new_sender(self, options: StreamOptions | None = None) -> Sender:
        return Sender(self, options, reset_after_restart=self._reset_after_restart)


def _settings(
    initialization_behavior: InitializationBehavior,
    discovery_client: DiscoveryClient | None,
    connection: Connection | ConnectOptions | None,
    options: SessionOptions | None,
    grpc_options: GrpcSessionOptions | None,
) -> tuple[SessionOptions, Connection | ConnectOptions, bool]:
    """Bring the ways of giving one thing together.

    Returns:
        How to come to the session, how to reach the server, and whether a connection was made here.
    """
    options = options or SessionOptions()
    behaviors = {_integer(initialization_behavior), _integer(options.behavior)}
    if grpc_options is not None:
        behaviors.add(_integer(grpc_options.initialization_behavior))
        options = replace(options, session_name=grpc_options.session_name)
    behaviors.discard(int(InitializationBehavior.AUTO))  # the default of each
    if len(behaviors) > 1:
        raise InvalidArgumentError(
            "The behavior is given twice and differently: "
            + " and ".join(InitializationBehavior(value).name for value in sorted(behaviors))
        )
    behavior = behaviors.pop() if behaviors else InitializationBehavior.AUTO
    options = replace(options, behavior=InitializationBehavior(behavior))
    if grpc_options is not None:
        how = connection if isinstance(connection, ConnectOptions) else ConnectOptions()
        return options, Connection(how, channel=grpc_options.grpc_channel), True
    if isinstance(connection, Connection):
        return options, connection, False
    return options, locate_logger(connection, discovery_client), False


def _integer(behavior: Any) -> int:
    """Read NI's behavior enum, which is an IntEnum in some packages and an Enum in others."""
    value = getattr(behavior, "value", behavior)
    check_argument("initialization_behavior", value, int)
    try:
        return int(InitializationBehavior(value))
    except ValueError as error:
        names = ", ".join(member.name for member in InitializationBehavior)
        raise InvalidArgumentError(
            f"initialization_behavior {value} is none of {names}."
        ) from error
