"""Send the records that callers put into an inbox, until all of them are acknowledged.

The caller's thread encodes a record and puts it into the inbox, which is one call into C. A
background thread makes batches, sends them by one `AppendStream` call after the other, and takes
the acknowledgements. A signal handler can raise an exception only in the caller's thread, where no
step is ever half done. A signal handler, or a `__del__`, may log, too.

This module is one state machine. `_send_all` makes one call after the other. `_must_pause_after`
decides how to continue after a failed call, and `_continue_after_expiry` after a restart of the
server.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator

import grpc
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as pb
from json_logger_proto.names import MOST_BATCH_BYTES, MOST_SAMPLE_BYTES
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
from json_logger_client.encoding import EncodedRecord
from json_logger_client.outbox import Batch, Inbox, Outbox, StreamOptions, Ticket
from json_logger_client.own_threads import OwnThreads, calls_of
from json_logger_client.patience import Patience
from json_logger_client.shared_memory import SHORTEST_IN_MEMORY, shared_memory
from json_logger_client.write_order import Lane, order_of

_TRANSIENT = (ServerUnavailableError, ServerDrainingError)
_IDLE = 1.0
"""Seconds without records after which a call is ended. The next record begins another call."""
_FOREVER = 3600.0
"""Seconds of a wait that only the bell ends."""
_UNARY_FOR = 5.0
"""Seconds without streams, after the server refused another stream of this identity."""
_PASSING_LIMITS = ("bytes_under_way", "calls", "reads", "streams")
"""Limits that are reached only until other calls end."""
_LARGEST_MESSAGE = 4 * 1024 * 1024
"""Bytes of a message that every gRPC server accepts."""
_LARGEST_PIECE = 256 * 1024
"""Bytes of a piece of a large batch. Between two pieces, the server serves other calls. Larger
pieces are some percent faster, but other calls then wait longer."""
_MESSAGE_OVERHEAD = 1024
"""Most bytes of a request without its records."""
_STARTING = 0.5
"""Seconds that a started thread has to begin its work, before another one is started."""
_MOST_NESTED = 20
"""Nested signal handlers that may wait for an answer."""
SERVICE = pb.DESCRIPTOR.services_by_name["JsonLoggerExt"].full_name


class Sender:
    """Sends a sequence of records to one log, in their order.

    Threads of the program call the methods before `_run`. Background threads call `_run` and the
    methods after it.

    Attributes:
        error: Why nothing is sent any more, until a caller asks again.
        closed: Whether the sender takes no more records.
        is_reported: Whether the program got the error that `close` raised.
        unheard: Why a record was refused whose caller did not wait for the answer.
    """

    def __init__(
        self,
        session: SharedSession,
        options: StreamOptions | None = None,
        *,
        reset_after_restart: bool = False,
    ) -> None:
        """Prepare the sender. Nothing is sent before the first record.

        Args:
            session: The session of the log. It must be open when the first record comes.
            options: When a batch is sent, and how much may be unacknowledged.
            reset_after_restart: Open the session again after a restart of the server, and continue.
                Otherwise the program must do that.
        """
        self._session = session
        self._options = options or StreamOptions()
        self._reset_after_restart = reset_after_restart
        self._outbox = Outbox(self._options, self._take_numbers)
        self.memory = shared_memory()
        """Memory for long waveforms, which a server on this host can read."""
        self.error: SessionSharingError | None = None
        self.unheard: SessionSharingError | None = None
        self.closed = False
        self.is_reported = False

        # Callers use these. Each step is one call into C, so that no exception can interrupt it.
        self._inbox: Inbox = deque()
        self._put_bytes = 0
        self._bell = Bell()
        self._rings_early = True
        """Whether each record rings the bell, because no thread waits for a full batch."""
        self._hurry = False
        """Whether to send the records in the inbox now, without waiting for a full batch."""
        self._asked = False
        """Whether a caller wants an answer, so that sending is tried again after an error."""
        self._finishing = False
        self.room = Progress()
        """Announces that there may be room, or that nothing is sent any more."""
        self._running = threading.Lock()
        self._begun = -math.inf
        """When a thread was last started."""

        # Background threads use these, with the lock if two of them do.
        self._lock = threading.Lock()
        self._lane: Lane | None = None
        self._call = 0
        self._answers: grpc.Call | None = None
        self._refused = False
        """Whether a record was refused that no caller waits for. Then no record may follow it."""
        self._one_by_one = False
        """Whether batches are sent singly, because the refused one of several is not known."""
        self._patience = Patience()
        self._since: float | None = None
        """Since when the inbox has had new records."""
        self._unary_until = 0.0
        self._attachment = ""
        """The attachment that the latest request named."""
        self._threads = OwnThreads()
        leaving.remember(self)

    @property
    def unacknowledged(self) -> int:
        """Number of records that are not known to be in the file."""
        waiting = [entry for entry in self._inbox.copy() if not isinstance(entry, Ticket)]
        return len(waiting) + self._outbox.records

    @property
    def remaining(self) -> str:
        """Number of records that are not known to be in the file, as text for people."""
        count = self.unacknowledged
        return "1 record" if count == 1 else f"{count} records"

    @property
    def is_here(self) -> bool:
        """Whether this process made the sender. In a forked child process, its copy is useless."""
        return self._session.owner.is_here

    @property
    def resource(self) -> str:
        """Name of the log."""
        return self._session.resource

    @property
    def timeout(self) -> float:
        """Seconds without progress after which the sender stops trying."""
        return self._session.connection.options.timeout

    @property
    def grace(self) -> float:
        """Seconds to wait for a server when the program ends."""
        return self._session.connection.grace

    @property
    def is_empty(self) -> bool:
        """Whether all records are acknowledged."""
        # This order matters: the outbox counts a record before it leaves the inbox.
        return not self._inbox and not self._outbox.records

    @property
    def is_done(self) -> bool:
        """Whether the sender is closed and all records are acknowledged."""
        return self.closed and self.is_empty

    def check_size(self, record: EncodedRecord) -> None:
        """Refuse a record that the server would refuse, so that other records are not affected.

        Raises:
            LimitExceededError: The record is too large.
        """
        text = len(record.line)
        samples = record.size - text
        if text <= MOST_BATCH_BYTES and samples <= MOST_SAMPLE_BYTES:
            return
        found = f"{text} bytes" if text > MOST_BATCH_BYTES else f"waveforms of {samples} bytes"
        most = MOST_BATCH_BYTES if text > MOST_BATCH_BYTES else MOST_SAMPLE_BYTES
        raise LimitExceededError(
            f"The record has {found}; the server accepts at most {most}. Log its arrays in several "
            "records.",
            limit="message_bytes",
        )

    def has_room(self, size: int) -> bool:
        """Return whether a record of `size` bytes may be put."""
        waiting = self._outbox.bytes + self._waiting_bytes()
        return waiting <= 0 or waiting + size <= self._options.max_unacknowledged_bytes

    def may_go_on(self, size: int) -> bool:
        """Return whether the caller with a record of `size` bytes need not wait any longer."""
        return self.has_room(size) or self.error is not None or self.closed

    def put(self, record: EncodedRecord) -> None:
        """Put a record, which a background thread sends."""
        self._inbox.append(record)
        self._put_bytes += record.size
        if not self._running.locked():
            self._begin()
        elif self._rings_early or self._is_batch_full():
            self._bell.ring()
        if self.closed:
            self.flush()  # another thread closed meanwhile, and did not see this record

    def answer(self, ticket: Ticket, patience: float | None = None) -> int:
        """Put a ticket into the inbox, and wait until it is settled.

        Returns:
            The record's sequence number; 0 for a ticket without a record.

        Raises:
            ReentrantCallError: This thread cannot wait for the answer; the record is sent.
            CallTimeoutError: There was no progress for `patience` seconds. A record is kept, and is
                still being sent.
            ServerUnavailableError: The same, because the server cannot be reached.
            SessionSharingError: The record, or an earlier one, is not in the file.
        """
        self.ask(ticket)
        try:
            self._check_can_wait()
            self._wait(ticket, patience)
        except BaseException:
            self.stop_waiting(ticket)
            raise
        return self.seq_of(ticket)

    def ask(self, ticket: Ticket) -> None:
        """Put a ticket into the inbox. This does not wait."""
        self._inbox.append(ticket)
        if ticket.record is not None:
            self._put_bytes += ticket.record.size
        self._hurry = self._asked = True
        self.keep_running()
        self._bell.ring()

    def stop_waiting(self, ticket: Ticket) -> None:
        """Note that the caller of a ticket no longer waits. Then `close` raises its error."""
        ticket.unheard = True
        if ticket.settled and ticket.record is not None and ticket.error is not None:
            self.unheard = ticket.error

    def seq_of(self, ticket: Ticket) -> int:
        """Return the sequence number of a settled ticket, or raise its error."""
        if ticket.error is not None:
            ticket.unheard = True  # of a later refusal, when the record is kept
            raise ticket.error
        return ticket.seq

    def next_wait(self, began: float, patience: float | None = None) -> float:
        """Return the seconds for which a caller may wait before it checks again.

        Args:
            began: When the caller began to wait, on the monotonic clock.
            patience: Seconds without progress for which it waits; by default the timeout.

        Raises:
            CallTimeoutError: There was no progress for so long.
            ServerUnavailableError: The same, because the server cannot be reached.
        """
        left = self._patience.left(began, self.timeout if patience is None else patience)
        if left <= 0:
            raise self._no_progress()
        return min(left, WAIT)

    def keep_running(self) -> None:
        """Start the background thread if it does not run."""
        if not self._running.locked():
            self._begin()

    def wait_for_room(self, size: int) -> None:
        """Wait until a record of `size` bytes may be put, or until this sender is closed.

        A signal handler does not wait if the interrupted code already waits. Otherwise many nested
        signal handlers could wait, until Python's stack is full.

        Raises:
            CallTimeoutError: There was no progress for the timeout.
            SessionSharingError: Nothing is sent any more.
        """
        began = time.monotonic()
        if not self._is_own_thread and calls_of(Sender.wait_for_room.__code__) == 1:
            while not self.may_go_on(size):
                self.room.wait(lambda: self.may_go_on(size), self.next_wait(began))
        if self.error is not None:
            raise self.error

    def flush(self, patience: float | None = None) -> None:
        """Wait until every record that was put is in the file.

        Raises:
            CallTimeoutError: There was no progress for `patience` seconds. The records are still
                being sent.
            SessionSharingError: Nothing is sent any more.
        """
        if not self.is_empty:
            self.answer(Ticket(), patience)

    def try_again(self) -> None:
        """Send the records that were kept after an error."""
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
        """Flush, and let the thread end. After an error, the remaining records are kept.

        Raises:
            SessionSharingError: The same errors as `flush`, or the refusal of a record whose caller
                was interrupted.
        """
        self.closed = self._finishing = True
        self.room.announce()
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

    def abandon(self) -> None:
        """Take no more records, and forget those that are not acknowledged."""
        self.closed = self._finishing = self.is_reported = True
        with self._lock:
            self._inbox.clear()
            self._outbox = Outbox(self._options, self._take_numbers)
        answers = self._answers
        if answers is not None:
            answers.cancel()
        self._bell.ring()

    def _check_can_wait(self) -> None:
        """Refuse to wait if the wait could never end.

        Raises:
            ReentrantCallError: This thread takes part in the sending, or too many nested signal
                handlers wait.
        """
        if self._is_own_thread:
            raise ReentrantCallError(
                "A __del__ or a callback logs in a thread that sends to this log. The record is "
                "sent, but this thread cannot wait for its number. Log by a stream there."
            )
        if calls_of(Sender.answer.__code__) > _MOST_NESTED:
            raise ReentrantCallError(
                f"{_MOST_NESTED} nested signal handlers already wait for the log. The record is "
                "sent, but this handler cannot wait for its number. Log less often in signal "
                "handlers, or log by a stream there."
            )

    @property
    def _is_own_thread(self) -> bool:
        """Whether the running thread takes part in the sending, so that it must not wait."""
        return self._threads.include_this_one(self._session.connection.channel)

    def _begin(self) -> None:
        """Start the background thread, unless one was started just now."""
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

    def _wait(self, ticket: Ticket, patience: float | None) -> None:
        began = time.monotonic()
        while not ticket.settled:
            if not ticket.bell.wait(self.next_wait(began, patience)):
                self.keep_running()

    def _no_progress(self) -> SessionSharingError:
        if self._patience.broken_by is not None:
            return self._patience.broken_by
        return CallTimeoutError(
            f"The server acknowledged nothing for {self.timeout:g} s. Not yet known to be in the "
            f"file: {self.remaining}. The client keeps them, and sends them again."
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
        """Send until there is nothing more to send. A second thread ends at once."""
        while self._asked or (self.error is None and self._inbox):
            if not self._running.acquire(blocking=False):
                return
            self._begun = -math.inf
            self._threads.enter("run")
            try:
                self._send_all()
            finally:
                if self.closed:
                    self.memory.give_up()
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
        """Wait until there is something to send. Return False if this thread must end."""
        while True:
            self._rings_early = True
            if self._asked:
                self._asked = False
                self._patience.restart()
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
        """Make one call: send batches and take acknowledgements until it ends.

        Returns:
            The error of a failed call; None if the call ended normally.
        """
        if time.monotonic() < self._unary_until and self._fits_into_one_message():
            return self._call_once()
        try:
            return self._call_by_stream()
        except RuntimeError:  # the interpreter is ending, and starts no more threads for streams
            return self._call_once()

    def _fits_into_one_message(self) -> bool:
        """Return whether the oldest batch needs no stream."""
        head = self._outbox.head
        return head is None or head.size + head.request.count <= self._message_bytes

    @property
    def _message_bytes(self) -> int:
        """Most bytes of records in one message."""
        return (self._session.max_message_bytes or _LARGEST_MESSAGE) - _MESSAGE_OVERHEAD

    def _call_by_stream(self) -> SessionSharingError | None:
        with self._lock:
            self._call += 1
            self._outbox.rewind()
            requests = self._requests(self._call, self._bell)
        method = self._session.connection.channel.stream_stream(
            f"/{SERVICE}/AppendStream",
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
        if not early:
            return None
        return ServerUnavailableError(
            "The server ended the stream before it acknowledged all records."
        )

    def _end_call(self) -> None:
        """End the thread that takes requests, also while it waits."""
        with self._lock:
            self._call += 1
            bell, self._bell = self._bell, Bell()  # so that thread cannot take a later ring
            self._threads.leave("requests")
        self._answers = None
        bell.ring()

    def _call_once(self) -> SessionSharingError | None:
        """Send one batch without a stream."""
        with self._lock:
            self._outbox.rewind()
            while not len(self._outbox) and self._outbox.make_batch(self._inbox):
                pass
            batch = self._addressed(self._outbox.next_unsent())
        if batch is None:
            return None
        method = self._session.connection.channel.unary_unary(
            f"/{SERVICE}/Append",
            request_serializer=pb.AppendRequest.SerializeToString,
            response_deserializer=pb.AppendResponse.FromString,
        )
        try:
            self._acknowledge(method(batch.whole(), timeout=self.timeout))
        except CALL_ERRORS as call_error:
            return self._explain(call_error)
        return None

    def _requests(self, call: int, bell: Bell) -> Iterator[pb.AppendRequest]:
        """Yield the requests of one call. gRPC runs this in a separate thread."""
        idle_since = time.monotonic()
        with self._lock:
            if call != self._call:
                return
            self._threads.enter("requests")
        while call == self._call:
            self._rings_early = True
            now = time.monotonic()
            with self._lock:
                batch = self._next_due(now) if call == self._call else None
            if batch is not None:
                most = min(_LARGEST_PIECE, self._message_bytes)
                yield from batch.in_pieces(most, self.memory.hand_over)
                if any(len(samples) >= SHORTEST_IN_MEMORY for samples in batch.samples):
                    self.memory.connect(
                        self._session.connection.channel, SERVICE, batch.request.attachment
                    )
                idle_since = time.monotonic()
                continue
            pause = _IDLE
            if self._one_by_one and self._outbox.under_way:
                pass  # the acknowledgement will ring
            elif self._inbox:
                self._rings_early = False
                pause = (self._since or now) + self._options.max_delay - now
            elif not len(self._outbox) and (self._finishing or now >= idle_since + _IDLE):
                self.memory.forget_unused()
                return
            bell.wait(pause)

    def _next_due(self, now: float) -> Batch | None:
        """Return the next batch of the present call, if one is due. The caller holds the lock."""
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

    def _addressed(self, batch: Batch | None) -> Batch | None:
        """Put the session's present attachment into the request of a batch."""
        if batch is not None:
            batch.request.attachment = self._attachment = self._session.attachment
        return batch

    def _acknowledge(self, answer: pb.AppendResponse) -> None:
        with self._lock:
            samples = self._outbox.acknowledge(answer.client_seq, answer.first_seq)
            self.memory.release(samples)
            must_ring = self._one_by_one or not len(self._outbox)
            self._one_by_one = False
        self._patience.note_progress()
        self.room.announce()
        if must_ring:
            self._bell.ring()

    def _explain(self, call_error: grpc.RpcError | ValueError) -> SessionSharingError:
        return self._session.explain(from_rpc_error(call_error))

    def _must_pause_after(self, error: SessionSharingError) -> bool:
        """Decide how to continue after a failed call. Return True to try again after a pause."""
        limit = error.details.get("limit") if isinstance(error, LimitExceededError) else None
        if self.error is not None:
            self._stop(self.error)  # `close` stopped waiting, and ended the call
        elif limit == "memory":
            self.memory.give_up()
        elif limit == "streams" and self._fits_into_one_message():
            self._unary_until = time.monotonic() + _UNARY_FOR
        elif isinstance(error, _TRANSIENT) or limit in _PASSING_LIMITS:
            if self._patience.note_break(error, self.timeout):
                return True
            self._patience.restart()
            self._stop(error)
        elif isinstance(error, SessionExpiredError):
            self._continue_after_expiry(error)
        elif isinstance(error, CallTimeoutError):
            self._stop(error)  # the records are kept, as they may be in the file
        elif self._outbox.under_way > 1 and not self._one_by_one:
            self._one_by_one = True
        else:
            self._refuse(error)
        return False

    def _continue_after_expiry(self, error: SessionExpiredError) -> None:
        """Continue in a new session if possible; otherwise keep the records, and stop.

        After a restart of the server, `error` is a `ServerRestartedError`: `SharedSession.explain`
        finds that out.
        """
        if self._attachment != self._session.attachment:
            return  # the session was opened again after the request was sent
        if not (isinstance(error, ServerRestartedError) and self._reset_after_restart):
            self._stop(error)
            return
        try:
            self._session.reopen_after(self._session.epoch)
        except SessionSharingError as reopening_error:
            self._stop(reopening_error)

    def _refuse(self, error: SessionSharingError) -> None:
        """Report the refusal to the caller of the oldest record; without a caller, send no more."""
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
        """Stop sending until a caller asks again. Answer all waiting callers with the error."""
        with self._lock:
            self.error = error
            self._asked = False  # every caller that asked gets its answer here
            while self._outbox.make_batch(self._inbox):
                pass
            self._outbox.fail_waiting(error)
        self.room.announce()
