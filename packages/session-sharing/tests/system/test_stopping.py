"""P8: the signals to stop end a wait, in whichever thread and whenever they arrive."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from capabilities import needs_signals
from session_sharing.stopping import StopSignals

STOPPING = ["SIGINT", "SIGBREAK"] if sys.platform == "win32" else ["SIGINT", "SIGTERM"]


@pytest.fixture
def another_thread() -> Callable[[signal.Signals], None]:
    """Send a signal to another thread than the main one, when the main thread waits.

    Windows announces Ctrl-C in a thread of its own, which Python makes known as this does.
    """

    def send(number: signal.Signals) -> None:
        def take() -> None:
            if sys.platform == "win32":
                _thread.interrupt_main(number)
            else:
                signal.pthread_kill(threading.get_ident(), number)

        threading.Timer(0.2, take).start()

    return send


@pytest.mark.parametrize("name", STOPPING)
def test_a_signal_that_another_thread_takes_ends_the_wait(
    another_thread: Callable[[signal.Signals], None], name: str
) -> None:
    with StopSignals() as stop:
        another_thread(getattr(signal, name))
        stop.wait()


def test_a_signal_before_the_wait_is_not_lost() -> None:
    with StopSignals() as stop:
        signal.raise_signal(signal.SIGTERM)
        stop.wait()


def test_a_request_of_another_thread_ends_the_wait() -> None:
    with StopSignals() as stop:
        threading.Timer(0.05, stop.request).start()
        stop.wait()
    stop.request()  # too late to have an effect, and not an error


@needs_signals
def test_a_signal_with_another_meaning_does_not_end_the_wait() -> None:
    heard = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.set())
    try:
        with StopSignals() as stop:
            signal.raise_signal(signal.SIGUSR1)
            threading.Timer(0.05, stop.request).start()
            stop.wait()
            assert heard.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)


@needs_signals
def test_handlers_are_restored_and_nohup_is_kept() -> None:
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        before = signal.getsignal(signal.SIGTERM)
        with StopSignals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) != before
        assert signal.getsignal(signal.SIGTERM) == before
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGHUP, hang_up)


STOPS_WITH_STARTER = """
import sys, threading
from session_sharing.starter import when_starter_goes
gone = threading.Event()
when_starter_goes(gone.set)
print(repr(sys.stdin.read()), flush=True)
gone.wait()
print("gone", flush=True)
"""


def test_libraries_that_look_at_standard_input_do_not_wait_for_the_starter() -> None:
    command = [sys.executable, "-c", STOPS_WITH_STARTER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "''\n"
        process.stdin.close()
        assert process.stdout.readline() == "gone\n"
