"""Sends what callers put into an inbox, until all of it is acknowledged, whatever breaks meanwhile.

The caller's thread encodes a record and puts it into the inbox, which is one call into C. A thread
in the background makes batches, sends them by one `AppendStream` call after the other, and takes
the acknowledgements. An exception from a signal handler can only hit the caller's thread, and finds
nothing half done there; and a signal handler, or a `__del__`, may log itself.

This is one state machine in one room. `_send_all` makes one call after the other.
`_must_pause_after` decides how to go on when a call broke, and `_go_on_after_expiry` does so after
a restart of the server.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator

import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.names import MOST_BATCH_BYTES
from session_sharing.client import (
    CALL_ERRORS,
    CallTimeoutError,
    LimitExceededError,
    ReentrantCallError,
    ServerDrainingError,
    ServerRestartedError,
    ServerUnavailableError,
    SessionExpiredError,
    SessionSharingError,
    SharedSession,
    from_rpc_error,
)
from session_sharing.client.background import WAIT, Bell, Progress, start_thread
from session_sharing.client.backoff import Backoff

from json_logger_client import leaving
from json_logger_client.outbox import Inbox, Outbox, StreamOptions, Ticket, in_pieces
from json_logger_client.own_threads import OwnThreads, calls_of
from json_logger_client.patience import Patience
from json_logger_client.write_order import Lane, order_of

_TRANSIENT = (ServerUnavailableError, ServerDrainingError)
_IDLE = 1.0
"""Seconds after which a call over which nothing goes is ended; the next record begins another."""
_FOREVER = 3600.0
"""Seconds of a wait that only a ring ends."""
_UNARY_FOR = 5.0
"""Seconds without streams, after the server had no more of them for this identity."""
_PASSING_LIMITS = ("bytes_under_way", "calls", "reads", "streams")
"""Limits that other calls have used up, until they end."""
_LARGEST_MESSAGE = 4 * 1024 * 1024
"""Bytes of a message that every gRPC server takes."""
_MESSAGE_OVERHEAD = 1024
"""Bytes of a request beside its records, at the most."""
_STARTING = 0.5
"""Seconds for which a thread that was started, and does not run yet, is waited for."""
_MOST_NESTED = 20
"""Signal handlers within each other that may wait for an answer."""
_SERVICE = pb.DESCRIPTOR.services_by_name["JsonLoggerExt"].full_name


class Sender:
    """One line of records into one log, in their order.

    The methods before `_run` are called in programs' threads, those from there on in background
    threads.

    Attributes:
        error: Why nothing is sent any more, until somebody asks again.
        closed: No record is taken any more.
        is_reported: The program has been told what closing could not send.
        unheard: Why a record was refused whose caller did not wait for the answer.
    """

    def __init__(
        self,
        session: SharedSession,
        options: StreamOptions | None = None,
        *,
        reset_after_restart: bool = False,
    ) -> None:
        """Prepare; nothing is sent before the first record.

        Args:
            session: The session of the log; open when the first record comes.
            options: When a batch is sent and how much may be under way.
            reset_after_restart: Open the session anew when the server was restarted, and go on.
                Otherwise the program does that.
        """
        self._session = session
        self._options = options or StreamOptions()
        self._reset_after_restart = reset_after_restart
        self._outbox = Outbox(self._options, self._take_numbers)
        self.error: SessionSharingError | None = None
        self.unheard: SessionSharingError | None = None
        self.closed = False
        self.is_reported = False

        # What callers touch: each step is one call into C, so that it may be interrupted.
        self._inbox: Inbox = deque()
        self._put_bytes = 0
        self._bell = Bell()
        self._rings_early = True
        """Nobody waits for a batch to become full, so that any record rings."""
        self._hurry = False
        """What is in the inbox shall not wait for a batch to become full."""
        self._asked = False
        """Somebody wants an answer, so that an error is not the last word."""
        self._finishing = False
        self._room = Progress()
        self._running = threading.Lock()
        self._begun = -math.inf
        """When a thread was last started."""

        # What background threads touch, with the lock where two of them do.
        self._lock = threading.Lock()
        self._lane: Lane | None = None
        self._call = 0
        self._answers: grpc.Call | None = None
        self._refused = False
        """A record was refused that no caller waits for, so that nothing may follow it."""
        self._one_by_one = False
        """It is not known which of several batches was refused; they are sent again singly."""
        self._patience = Patience()
        self._since: float | None = None
        """When the inbox was last found with something new in it."""
        self._unary_until = 0.0
        self._attachment = ""
        """The session's attachment that the latest request named."""
        self._threads = OwnThreads()
        leaving.remember(self)

    @property
    def unacknowledged(self) -> int:
        """Count the records that are not known to be in the file."""
        waiting = [entry for entry in self._inbox.copy() if not isinstance(entry, Ticket)]
        return len(waiting) + self._outbox.records

    @property
    def what_is_left(self) -> str:
        """Say how many records are not known to be in the file, for people."""
        count = self.unacknowledged
        return "1 record" if count == 1 else f"{count} records"

    @property
    def is_here(self) -> bool:
        """Whether this process made it; a forked child process has only a dead copy."""
        return self._session.owner.is_here

    @property
    def resource(self) -> str:
        """Name of the log."""
        return self._session.resource

    @property
    def timeout(self) -> float:
        """Seconds without progress after which a broken connection is given up."""
        return self._session.connection.options.timeout

    @property
    def grace(self) -> float:
        """Seconds to wait for a server when the program wants to go."""
        return self._session.connection.grace

    @property
    def is_empty(self) -> bool:
        """Whether everything is acknowledged."""
        # In this order: a record is counted by the outbox before it leaves the inbox.
        return not self._inbox and not self._outbox.records

    @property
    def is_done(self) -> bool:
        """Whether it is closed and has nothing left."""
        return self.closed and self.is_empty

    def check_size(self, line: bytes) -> None:
        """Refuse a record that the server would not take, so that it ends nothing else.

        Raises:
            LimitExceededError: It is too large.
        """
        if len(line) > MOST_BATCH_BYTES:
            raise LimitExceededError(
                f"The record has {len(line)} bytes; the server takes {MOST_BATCH_BYTES} at most. "
                "Log its arrays in several records.",
                limit="message_bytes",
            )

    def has_room(self, size: int) -> bool:
        """Tell whether a record of `size` bytes may be put."""
        waiting = self._outbox.bytes + self._waiting_bytes()
        return waiting <= 0 or waiting + size <= self._options.max_unacknowledged_bytes

    def put(self, line: bytes) -> None:
        """Take a record, which a background thread sends."""
        self._inbox.append(line)
        self._put_bytes += len(line)
        if not self._running.locked():
            self._begin()
        elif self._rings_early or self._is_batch_full():
            self._bell.ring()
        if self.closed:
            self.flush()  # another thread closed meanwhile, and did not see this record

    def answer(self, ticket: Ticket, patience: float | None = None) -> int:
        """Put a ticket into the line and wait until it is settled.

        Returns:
            The record's sequence number; 0 for a ticket without one.

        Raises:
            ReentrantCallError: The answer cannot be waited for here; the record is sent.
            CallTimeoutError: Nothing moved for the patience; a record is kept and still being sent.
            ServerUnavailableError: The same, as the server cannot be reached.
            SessionSharingError: Why the record, or one before, is not in the file.
        """
        self._inbox.append(ticket)
        self._put_bytes += len(ticket.line or b"")
        self._hurry = self._asked = True
        if self._running.locked():
            self._bell.ring()
        else:
            self._begin()
        try:
            self._check_can_wait()
            self._wait(ticket, self.timeout if patience is None else patience)
        except BaseException:
            ticket.unheard = True
            if ticket.settled and ticket.line is not None and ticket.error is not None:
                self.unheard = ticket.error
            raise
        if ticket.error is not None:
            ticket.unheard = True  # of a later refusal, when the record is kept
            raise ticket.error
        return ticket.seq

    def wait_for_room(self, size: int) -> None:
        """Wait until a record of `size` bytes may be put, or this sender is closed.

        A signal handler does not wait while the code that it interrupted does: so many of them
        would wait within each other that Python's stack ends.

        Raises:
            CallTimeoutError: Nothing moved for the patience.
            SessionSharingError: Nothing is sent any more.
        """
        began = time.monotonic()

        def done() -> bool:
            return self.has_room(size) or self.error is not None or self.closed

        if not self._is_own_thread and calls_of(Sender.wait_for_room.__code__) == 1:
            while not done():
                left = self._patience.left(began, self.timeout)
                if left <= 0:
                    raise self._silence()
                self._room.wait(done, left)
        if self.error is not None:
            raise self.error

    def flush(self, patience: float | None = None) -> None:
        """Wait until every record that was put is in the file.

        Raises:
            CallTimeoutError: Nothing moved for the patience; the records are still being sent.
            SessionSharingError: Why nothing is sent any more.
        """
        if not self.is_empty:
            self.answer(Ticket(), patience)

    def try_again(self) -> None:
        """Send what was kept after an error."""
        self._finishing = self.closed
        if not self._refused:
            self.error = None
        if self.is_empty:
            return
        self._hurry = self._asked = True
        if self._running.locked():
            self._bell.ring()
        else:
            self._begin()

    def close(self, patience: float | None = None) -> None:
        """Flush and let the thread end; after an error, what is left is kept.

        Raises:
            SessionSharingError: As `flush`, or why a record was refused whose caller was
                interrupted.
        """
        self.closed = self._finishing = True
        self._room.announce()
        try:
            self.flush(patience)
        except SessionSharingError as error:
            self.error = self.error or error
            answers = self._answers
            if answers is not None:
                answers.cancel()
            raise
        finally:
            self._bell.ring()
        if self.unheard is not None:
            raise self.unheard

    def _check_can_wait(self) -> None:
        """Refuse to wait where that could never end.

        Raises:
            ReentrantCallError: This thread is needed for the sending, or too many signal handlers
                wait within each other.
        """
        if self._is_own_thread:
            raise ReentrantCallError(
                "A __del__ or a callback logs in a thread that sends to this log. The record is "
                "sent, but this thread cannot wait for its number; use a stream there."
            )
        if calls_of(Sender.answer.__code__) > _MOST_NESTED:
            raise ReentrantCallError(
                f"{_MOST_NESTED} signal handlers within each other wait for the log. The record is "
                "sent, but its number cannot be waited for; log less often, or use a stream."
            )

    @property
    def _is_own_thread(self) -> bool:
        """Whether this thread takes part in the sending, so that it cannot wait for it."""
        return self._threads.include_this_one(self._session.connection.channel)

    def _begin(self) -> None:
        """Start the thread, unless somebody else just did."""
        now = time.monotonic()
        if now < self._begun + _STARTING:
            return
        self._begun = now
        self._asked = True
        try:
            start_thread(self._run, "log-sender")
        except RuntimeError:  # the interpreter is ending, and starts no more threads
            self._finishing = True
            self._run()

    def _wait(self, ticket: Ticket, patience: float) -> None:
        began = time.monotonic()
        while not ticket.settled:
            left = self._patience.left(began, patience)
            if left <= 0:
                raise self._silence()
            if not ticket.bell.wait(min(left, WAIT)) and not self._running.locked():
                self._begin()

    def _silence(self) -> SessionSharingError:
        if self._patience.broken_by is not None:
            return self._patience.broken_by
        return CallTimeoutError(
            f"The server acknowledged nothing for {self.timeout:g} s; "
            f"not yet in the file: {self.what_is_left}."
        )

    def _waiting_bytes(self) -> int:
        return self._put_bytes - self._outbox.bytes_taken if self._inbox else 0

    def _is_batch_full(self) -> bool:
        options = self._options
        return (
            len(self._inbox) >= options.max_batch_records
            or self._waiting_bytes() >= options.max_batch_bytes
        )

    def _run(self) -> None:
        """Send until there is nothing more to do; a second thread ends at once."""
        while self._asked or (self.error is None and self._inbox):
            if not self._running.acquire(blocking=False):
                return
            self._begun = -math.inf
            self._threads.enter("run")
            try:
                self._send_all()
            finally:
                self._threads.leave("run")
                self._running.release()

    def _send_all(self) -> None:
        backoff = Backoff()
        self._patience.start()
        while self._wait_for_work():
            error = self._send_some()
            if self._patience.broken_by is None:
                backoff.reset()
            if error is not None and self._must_pause_after(error):
                time.sleep(backoff.next_pause())

    def _wait_for_work(self) -> bool:
        """Wait until there is something to send; False when this thread shall end."""
        while True:
            self._rings_early = True
            if self._asked:
                self._asked = False
                self._patience.begin_anew()
                if self._refused and self.error is not None:
                    self._stop(self.error)
                else:
                    self.error = None
            if self.error is None and (self._inbox or len(self._outbox)):
                return True
            if self._finishing:
                return False
            self._bell.wait(_FOREVER)

    def _send_some(self) -> SessionSharingError | None:
        """Send and take acknowledgements until a call ends.

        Returns:
            Why it broke; None when it ended as it should.
        """
        if time.monotonic() < self._unary_until and self._fits_into_one_message():
            return self._call_once()
        try:
            return self._call_by_stream()
        except RuntimeError:  # the interpreter is ending, and starts no more threads for streams
            return self._call_once()

    def _fits_into_one_message(self) -> bool:
        """Tell whether the oldest batch needs no stream."""
        head = self._outbox.head
        return head is None or len(head.request.ndjson) <= self._piece_bytes

    @property
    def _piece_bytes(self) -> int:
        """Most bytes of records that one message takes."""
        return (self._session.max_message_bytes or _LARGEST_MESSAGE) - _MESSAGE_OVERHEAD

    def _call_by_stream(self) -> SessionSharingError | None:
        with self._lock:
            self._call += 1
            self._outbox.rewind()
            requests = self._requests(self._call, self._bell)
        method = self._session.connection.channel.stream_stream(
            f"/{_SERVICE}/AppendStream",
            request_serializer=pb.AppendRequest.SerializeToString,
            response_deserializer=pb.AppendResponse.FromString,
        )
        try:
            self._answers = answers = method(requests)
            for answer in answers:
                self._acknowledge(answer)
        except CALL_ERRORS as call_error:
            return self._explain(call_error)
        finally:
            self._end_call()
        early = len(self._outbox) > 0
        return ServerUnavailableError("The server ended the stream.") if early else None

    def _end_call(self) -> None:
        """Let the thread that takes requests end, whatever it waits for."""
        with self._lock:
            self._call += 1
            bell, self._bell = self._bell, Bell()  # so that it takes no ring that is meant for us
            self._threads.leave("requests")
        self._answers = None
        bell.ring()

    def _call_once(self) -> SessionSharingError | None:
        """Send one batch without a stream."""
        with self._lock:
            self._outbox.rewind()
            while not len(self._outbox) and self._outbox.make_batch(self._inbox):
                pass
            request = self._addressed(self._outbox.next_unsent())
        if request is None:
            return None
        method = self._session.connection.channel.unary_unary(
            f"/{_SERVICE}/Append",
            request_serializer=pb.AppendRequest.SerializeToString,
            response_deserializer=pb.AppendResponse.FromString,
        )
        try:
            self._acknowledge(method(request, timeout=self.timeout))
        except CALL_ERRORS as call_error:
            return self._explain(call_error)
        return None

    def _requests(self, call: int, bell: Bell) -> Iterator[pb.AppendRequest]:
        """Give one call its requests; gRPC takes them in a thread of its own."""
        idle_since = time.monotonic()
        with self._lock:
            if call != self._call:
                return
            self._threads.enter("requests")
        while call == self._call:
            self._rings_early = True
            now = time.monotonic()
            with self._lock:
                request = self._next_due(now) if call == self._call else None
            if request is not None:
                yield from in_pieces(request, self._piece_bytes)
                idle_since = time.monotonic()
                continue
            pause = _IDLE
            if self._one_by_one and self._outbox.under_way:
                pass  # the acknowledgement rings
            elif self._inbox:
                self._rings_early = False
                pause = (self._since or now) + self._options.max_delay - now
            elif not len(self._outbox) and (self._finishing or now >= idle_since + _IDLE):
                return
            bell.wait(pause)

    def _next_due(self, now: float) -> pb.AppendRequest | None:
        """Give the next batch of the present call, if one is due; call it with the lock held."""
        box = self._outbox
        if self._one_by_one and box.under_way:
            return None
        if not self._inbox:
            self._since = None
        elif self._since is None:
            self._since = now
        due = self._since is not None and now >= self._since + self._options.max_delay
        if self._hurry or self._finishing or due:
            self._hurry = False
            self._since = None
            while box.make_batch(self._inbox):
                pass
        elif box.under_way == len(box) and self._is_batch_full():
            self._since = now
            box.make_batch(self._inbox)
        return self._addressed(box.next_unsent())

    def _take_numbers(self, count: int) -> int:
        if self._lane is None:
            self._lane = Lane(order_of(self._session.connection))
        return self._lane.take(count)

    def _addressed(self, request: pb.AppendRequest | None) -> pb.AppendRequest | None:
        """Name the session's present attachment in a request."""
        if request is not None:
            request.attachment = self._attachment = self._session.attachment
        return request

    def _acknowledge(self, answer: pb.AppendResponse) -> None:
        with self._lock:
            self._outbox.acknowledge(answer.client_seq, answer.first_seq)
            goes_on = self._one_by_one or not len(self._outbox)
            self._one_by_one = False
        self._patience.note_progress()
        self._room.announce()
        if goes_on:
            self._bell.ring()

    def _explain(self, call_error: grpc.RpcError | ValueError) -> SessionSharingError:
        return self._session.explain(from_rpc_error(call_error))

    def _must_pause_after(self, error: SessionSharingError) -> bool:
        """Decide how to go on after a call broke; True to try again after a pause."""
        limit = error.details.get("limit") if isinstance(error, LimitExceededError) else None
        if self.error is not None:
            self._stop(self.error)  # `close` has given up, and ended the call
        elif limit == "streams" and self._fits_into_one_message():
            self._unary_until = time.monotonic() + _UNARY_FOR
        elif isinstance(error, _TRANSIENT) or limit in _PASSING_LIMITS:
            if self._patience.note_break(error, self.timeout):
                return True
            self._patience.begin_anew()
            self._stop(error)
        elif isinstance(error, SessionExpiredError):
            self._go_on_after_expiry(error)
        elif isinstance(error, CallTimeoutError):
            self._stop(error)  # the records are kept, as they may be in the file
        elif self._outbox.under_way > 1 and not self._one_by_one:
            self._one_by_one = True
        else:
            self._refuse(error)
        return False

    def _go_on_after_expiry(self, error: SessionExpiredError) -> None:
        """Go on in a new session if there is one, or may be; otherwise keep the records and stop.

        `SharedSession.explain` has told a restart of the server from other expiries.
        """
        if self._attachment != self._session.attachment:
            return  # the session was opened anew since the request was sent
        if not (isinstance(error, ServerRestartedError) and self._reset_after_restart):
            self._stop(error)
            return
        try:
            self._session.reopen_after(self._session.epoch)
        except SessionSharingError as reopening_error:
            self._stop(reopening_error)

    def _refuse(self, error: SessionSharingError) -> None:
        """Tell the caller of the oldest record; without one, nothing may follow that record."""
        with self._lock:
            head = self._outbox.head
            if head is None or head.caller is None:
                self._refused = True
            else:
                self._one_by_one = False
                self._outbox.refuse_head(error)
                if head.caller.unheard:
                    self.unheard = error
        if self._refused:
            self._stop(error)

    def _stop(self, error: SessionSharingError) -> None:
        """Send nothing until somebody asks again; answer everybody who waits."""
        with self._lock:
            self.error = error
            self._asked = False  # whoever asked is answered here
            while self._outbox.make_batch(self._inbox):
                pass
            self._outbox.tell_waiting(error)
        self._room.announce()
