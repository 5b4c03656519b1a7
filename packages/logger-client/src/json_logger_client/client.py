"""The client by which measurement code logs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
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

from json_logger_client.encoding import EncodedRecord, encode_record
from json_logger_client.grpc_options import GrpcSessionOptions
from json_logger_client.locating import locate_logger
from json_logger_client.outbox import StreamOptions, Ticket
from json_logger_client.record_context import (
    RecordContext,
    SessionContext,
    encode_session_context,
)
from json_logger_client.sender import SERVICE, Sender
from json_logger_client.stream import LogStream
from json_logger_client.waveforms import SHORTEST_WAVEFORM

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient


_SERVER_IS_GONE = (ServerUnavailableError, CallTimeoutError)


class JsonLoggerClient(SharedSession):
    """A session on a shared log file.

    Open it by the file's name, in a `with` block::

        with JsonLoggerClient("measurements.ndjson") as log:
            log.log_data("leakage", {"voltage": 3.3}, {"current": [1.2e-9, 1.4e-9]})

    The client finds the logger by itself. It opens the log, or attaches to it if it is already
    open. At the end of the block, it closes the log or detaches, as the behavior says. The client
    is thread-safe; records keep their order.

    Alternatives: use `stream` for high rates, and `JsonLoggerSessionConstructor` in a measurement
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
        shortest_waveform: int = SHORTEST_WAVEFORM,
        context: SessionContext | None = None,
    ) -> None:
        """Open the log. The name of the file is enough; other arguments are for special cases.

        Args:
            file_path: Name of the file. A relative name starts at the server's first log folder.
            initialization_behavior: Whether to create the session or attach to it, and what happens
                at the end of the block. Use it when one program must be the first, or when the log
                must stay open after this block.
            discovery_client: NI discovery client, which is asked when nothing else names a server.
                Use it in programs that have such a client.
            connection: How to reach the server (`ConnectOptions`), or a `Connection`, which the
                caller closes. Use options for a server on another host. Use a connection to open
                several logs over it.
            options: More settings of the session. Use it when several programs share the log
                (`close_policy`), and to name the session.
            grpc_options: Channel, session name and behavior, as an object of NI's drivers has them.
                The caller closes the channel; presence uses it, too. Use it in code that has such
                an object, instead of `connection`, `options` and `initialization_behavior`.
            reset_after_restart: After a restart of the server, open the log again automatically,
                and continue. Use it when it is more important to continue than to know about the
                restart. Another program may then have written between your records. The session
                gets another name, unless `options` names it. If the log cannot be opened again, the
                session ends with that error.
            shortest_waveform: Numbers from which on a numpy array is written as a waveform, in the
                file beside the log. Shorter arrays are JSON. Use it to keep longer arrays readable
                in the log, or to make many short arrays smaller.
            context: What all records of the session have in common. It counts if this object
                creates the session. Use it in the program that opens the log for others.

        Raises:
            ServerUnavailableError: No logger was found, or it cannot be reached.
            SessionSharingError: The log cannot be opened.
        """
        check_argument("file_path", file_path, str, os.PathLike)
        check_argument("connection", connection, Connection, ConnectOptions, type(None))
        check_argument("options", options, SessionOptions, type(None))
        check_argument("shortest_waveform", shortest_waveform, int)
        check_argument("context", context, SessionContext, type(None))
        options, connection, own_connection = _settings(
            initialization_behavior, discovery_client, connection, options, grpc_options
        )
        self._reset_after_restart = reset_after_restart
        self._shortest_waveform = shortest_waveform
        self._context = context
        self._calls = self._new_sender()
        self._streams: list[Sender] = []
        super().__init__(os.fspath(file_path), connection, options, owns_connection=own_connection)

    @property
    def path(self) -> str:
        """Absolute path of the file on the server's host."""
        return self.details["path"]

    def log_data(
        self,
        measurement_name: str,
        measurement_configurations: Mapping[str, Any],
        measurement_outputs: Mapping[str, Any],
        timestamp: datetime | None = None,
        *,
        context: RecordContext | None = None,
    ) -> int:
        """Append one record, and return when it is as safe as the server's durability says.

        Numbers, texts, booleans, None, lists, tuples, sets, dicts, enums (by value), dataclasses
        and short numpy arrays are written as the same kind in JSON. A date or time is written as
        RFC 3339 text, in UTC if it has a zone. A duration is written in seconds. A Decimal is
        written as a number with all its digits, or as text beyond 1e308. A path is written as text.
        NaN and the infinities are written as the texts "NaN", "Infinity" and "-Infinity", as in
        protobuf's JSON.

        Long numpy arrays, complex ones, and waveforms and spectra of nitypes are waveforms: their
        samples are written into a file beside the log. An array is copied; the caller may change it
        after the call.

        A signal handler may call this method, also while the same thread is in it. If a signal
        handler raises an exception during the call (Ctrl-C does), the record is written
        nevertheless, or the end of the block raises the error.

        Args:
            measurement_name: The name of the measurement.
            measurement_configurations: The settings of the measurement: values by name.
            measurement_outputs: The measured values by name.
            timestamp: Time of the measurement; by default now. A time without a zone is local time.
            context: What the record means: units, limits, status, unit under test. Use it when
                reports are to show them.

        Returns:
            The record's sequence number in the file.

        Raises:
            InvalidArgumentError: A value cannot be written as JSON, or the context does not fit.
            LimitExceededError: The record is larger than the server accepts.
            SessionExpiredError: The session has ended. After a restart of the server, this is a
                `ServerRestartedError`. Then `reset()` opens the log again, and sends the record if
                the old server had not written it.
            CallTimeoutError: The server did not answer in time. The record is not lost: the next
                call first sends it again, and it is written only once.
            InheritedClientError: The client belongs to the parent process.
            ReentrantCallError: A `__del__` called this method in the thread that sends records.
            SessionSharingError: The server refused the record. It was not written and never will
                be.
        """
        self.owner.check()
        record = encode_record(
            measurement_name,
            measurement_configurations,
            measurement_outputs,
            timestamp,
            self._shortest_waveform,
            context=context,
            memory=self._calls.memory,
        )
        return self._calls.answer(self._ticket(record))

    def stream(self, options: StreamOptions | None = None) -> LogStream:
        """Open a stream for high rates: it sends records in batches, and does not wait for answers.

        Use it in a `with` block::

            with log.stream() as stream:
                for sample in samples:
                    stream.log("scope", {"channel": 0}, {"waveform": sample})

        The end of the block waits for the last acknowledgement, and raises the error of a record
        that was not written. Without a block, call `close`; otherwise the remaining records are
        sent when the program ends.

        Args:
            options: When a batch is sent. Use it when records must be sent sooner than by default,
                or when memory is small.

        Raises:
            InheritedClientError: The client belongs to the parent process.
        """
        return LogStream(self._stream_sender(options), self.owner, self._shortest_waveform)

    def set_context(self, context: SessionContext) -> None:
        """Say what the following records of the session have in common, whoever writes them.

        The server gives the keys to all records that lack them, also to those of other clients.
        The new context replaces the one before. If `reset` creates a new session, it gets the
        context, too.

        Raises:
            InvalidArgumentError: A value of the context has the wrong type.
            SessionSharingError: The session has ended, or the server cannot be reached.
        """
        self.owner.check()
        check_argument("context", context, SessionContext)
        self._send_context(context)
        self._context = context

    def close_file(self) -> None:
        """Close the log, as `close` does. Use it in code that was written for the reference."""
        self.close()

    def reset(self) -> None:
        """Open the log again, and send the records that were not acknowledged before.

        Raises:
            SessionSharingError: The log cannot be opened, or a record cannot be written.
        """
        super().reset()
        senders = [self._calls, *self._streams]
        for sender in senders:
            sender.try_again()
        for sender in senders:
            if sender is self._calls or sender.closed:
                sender.flush()

    def _reopen(self) -> None:
        super()._reopen()
        if self._context is not None and self.new_session:
            self._send_context(self._context)

    def _send_context(self, context: SessionContext) -> None:
        # A stub of grpcio cannot be made for a channel that is closed.
        method = self.connection.channel.unary_unary(
            f"/{SERVICE}/SetContext",
            request_serializer=pb.SetContextRequest.SerializeToString,
            response_deserializer=pb.SetContextResponse.FromString,
        )
        request = pb.SetContextRequest(
            attachment=self.attachment, context=encode_session_context(context)
        )
        self.call(method, request, repeatable=True)

    def _ticket(self, record: EncodedRecord) -> Ticket:
        """Return the ticket of one record.

        Raises:
            SessionSharingError: The record is too large, or too many wait after an error.
        """
        calls = self._calls
        calls.check_size(record)
        if calls.error is not None and not calls.has_room(record.size):
            raise calls.error
        return Ticket(record)

    def _stream_sender(self, options: StreamOptions | None) -> Sender:
        """Return the sender of a new stream."""
        self.owner.check()
        check_argument("options", options, StreamOptions, type(None))
        sender = self._new_sender(options)
        self._streams = [other for other in self._streams if not other.is_done] + [sender]
        return sender

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
            if not isinstance(sender.error, SessionExpiredError):  # its caller has got this error
                sender.close(self.connection.grace)
        elif not sender.closed:
            sender.close()
        elif not sender.is_reported:
            sender.flush()  # the call that closed it was interrupted

    def _new_sender(self, options: StreamOptions | None = None) -> Sender:
        return Sender(self, options, reset_after_restart=self._reset_after_restart)


def _settings(
    initialization_behavior: InitializationBehavior,
    discovery_client: DiscoveryClient | None,
    connection: Connection | ConnectOptions | None,
    options: SessionOptions | None,
    grpc_options: GrpcSessionOptions | None,
) -> tuple[SessionOptions, Connection | ConnectOptions, bool]:
    """Combine the arguments that give the same setting in different ways.

    Returns:
        The session's options, how to reach the server, and whether this function made a connection.
    """
    options = options or SessionOptions()
    behaviors = {_integer(initialization_behavior), _integer(options.behavior)}
    if grpc_options is not None:
        behaviors.add(_integer(grpc_options.initialization_behavior))
        options = replace(options, session_name=grpc_options.session_name)
    behaviors.discard(int(InitializationBehavior.AUTO))  # the default of each
    if len(behaviors) > 1:
        raise InvalidArgumentError(
            "The arguments name different behaviors: "
            + " and ".join(InitializationBehavior(value).name for value in sorted(behaviors))
            + ". Name the behavior in one argument only."
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
            f"initialization_behavior is {value}; it must be one of {names}."
        ) from error
