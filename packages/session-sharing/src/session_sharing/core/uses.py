"""Keep the calls that use an attachment, so that its end waits for them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from threading import RLock
from typing import TypeVar

from session_sharing.core.admission import ended_attachment
from session_sharing.core.sessions import Attachment
from session_sharing.core.slots import SlotTable

_Result = TypeVar("_Result")


class Uses:
    """The uses of a registry's attachments by calls that are under way. Thread-safe."""

    def __init__(self, lock: RLock, slots: SlotTable, executor: Executor, epoch: str) -> None:
        """Start without a use.

        Args:
            lock: Guards every change of the registry's state.
            slots: Has the attachments.
            executor: Its threads run the functions of `run`.
            epoch: The epoch of the server.
        """
        self._lock = lock
        self._slots = slots
        self._executor = executor
        self._epoch = epoch

    def begin(self, attachment: Attachment) -> None:
        """Note that a call uses an attachment; the hook for the end of the attachment waits for it.

        Raises:
            SessionExpiredError: The attachment has ended.
        """
        if attachment.session.has_parts:
            with self._lock:
                self._check_live(attachment)
                attachment.uses += 1

    def end(self, attachment: Attachment) -> None:
        """Note that a call for which `begin` was called has returned."""
        if attachment.session.has_parts:
            with self._lock:
                attachment.uses -= 1
                if attachment.uses == 0 and attachment.when_unused is not None:
                    attachment.when_unused()

    def run(
        self, function: Callable[[], _Result], attachment: Attachment, *, alone: bool
    ) -> Future[_Result]:
        """Call a function that uses an attachment's resource, in a worker thread.

        Args:
            function: The function; it may be slow.
            attachment: The attachment. The hook for its end waits for the function.
            alone: Run beside no hook of the session, and beside no other such function.

        Raises:
            SessionExpiredError: The attachment has ended.
        """
        self._check_live(attachment)
        self.begin(attachment)
        work = partial(self._run_alone, attachment, function) if alone else function
        running = self._executor.submit(work)
        running.add_done_callback(lambda _: self.end(attachment))
        return running

    def listen_for_end(
        self, attachment: Attachment, listener: Callable[[], object]
    ) -> Callable[[], None]:
        """Call `listener` when an attachment ends; it must return quickly.

        Returns:
            A function that removes the listener.

        Raises:
            SessionExpiredError: The attachment has ended.
        """
        with self._lock:
            self._check_live(attachment)
            attachment.when_ended.append(listener)

        def stop() -> None:
            with self._lock:
                attachment.when_ended.remove(listener)

        return stop

    def _run_alone(self, attachment: Attachment, function: Callable[[], _Result]) -> _Result:
        with attachment.session.alone:
            if attachment.session.released:
                raise self._ended(attachment)
            return function()

    def _check_live(self, attachment: Attachment) -> None:
        if self._slots.attachment(attachment.id) is not attachment:
            raise self._ended(attachment)

    def _ended(self, attachment: Attachment) -> Exception:
        return ended_attachment(self._slots.why_ended(attachment.id), self._epoch)
