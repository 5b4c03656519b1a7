"""The marker `shared`: no two tests use one instrument at once, in any worker."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_station import RUNTIME_FOLDER
from session_sharing.client import stop_server
from session_sharing.locks import HardwareLock
from session_sharing.places import default_state_file

EXCLUSIVE = """
    import os, pytest

    @pytest.mark.shared("scope-1")
    @pytest.mark.parametrize("number", range({tests}))
    def test_one(number):
        holder = os.open("in-use", os.O_CREAT | os.O_EXCL)  # fails while another test uses it
        os.close(holder)
        os.unlink("in-use")
        with open("log", "a") as log:
            log.write(f"{{number}}\\n")
"""


@pytest.fixture(autouse=True)
def own_lock_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of this user in which the first lock starts a server; it stops with the test."""
    monkeypatch.setenv(RUNTIME_FOLDER, str(folder))
    yield
    stop_server(default_state_file("session-locks"))


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-W", "default", *arguments)


def test_tests_of_eight_workers_use_an_instrument_one_at_a_time(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(EXCLUSIVE.format(tests=1000))
    run(pytester, "-n", "8", "-q").assert_outcomes(passed=1000)
    done = (pytester.path / "log").read_text().split()
    assert sorted(map(int, done)) == list(range(1000))


def test_after_a_worker_was_killed_the_next_test_gets_the_instrument_and_says_who_crashed(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import os, signal, time, pytest

        pytestmark = pytest.mark.shared("scope-1")

        def test_that_dies():
            with open("died", "w") as file:
                file.write(str(time.time()))
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

        def test_after_it():
            with open("died") as file:
                assert time.time() - float(file.read()) < 30
        """
    )
    result = run(pytester, "-n", "1", "-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.re_match_lines(
        [r".*The test that held 'scope-1' before has died: .*::test_that_dies \(gw0, pid \d+ .*"]
    )


def test_a_killed_holder_frees_the_instrument_within_two_seconds(tmp_path: Path) -> None:
    script = "from session_sharing.locks import HardwareLock\nHardwareLock('s'), input('held ')"
    command = [sys.executable, "-u", "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout and holder.stdout.read(4) == "held"
        holder.kill()
        with HardwareLock("s", timeout=2) as lock:
            assert f"pid {holder.pid}" in lock.crashed_holder
    with HardwareLock("s") as lock:
        assert lock.crashed_holder == ""


def test_a_test_that_waited_too_long_says_who_holds_the_instrument(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.shared("scope-1", timeout=0.2)
        def test_marked():
            pass

        def test_by_fixture(shared):
            shared("dmm-1")
            shared("scope-1", timeout=0.2)
        """
    )
    with HardwareLock("scope-1", label="ann, on the bench"):
        result = run(pytester)
    result.assert_outcomes(errors=1, failed=1)
    found = re.findall(
        r"shared instrument 'scope-1' was in use .* ann, on the bench", str(result.stdout)
    )
    assert len(found) >= 2


def test_the_instruments_are_held_while_fixtures_are_set_up_and_torn_down(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest
        from session_sharing import SessionAlreadyOpenError
        from session_sharing.locks import HardwareLock

        def is_held():
            try:
                HardwareLock("scope-1", timeout=0).detach()
            except SessionAlreadyOpenError:
                return True
            return False

        @pytest.fixture
        def instrument():
            assert is_held()
            yield
            assert is_held()

        @pytest.mark.shared("scope-1")
        def test_marked(instrument):
            assert is_held()

        def test_unmarked():
            assert not is_held()

        def test_by_fixture(shared):
            assert shared("scope-1").resource == "scope-1"
            assert is_held()

        def test_afterwards():
            assert not is_held()
        """
    )
    run(pytester, "-p", "no:randomly", "-p", "no:xdist").assert_outcomes(passed=4)


def test_tests_that_need_several_instruments_do_not_wait_for_each_other(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(40))
        @pytest.mark.shared("scope-1", "dmm-1", timeout=60)
        def test_one(number):
            pass

        @pytest.mark.parametrize("number", range(40))
        @pytest.mark.shared("dmm-1", timeout=60)
        @pytest.mark.shared("scope-1", timeout=60)
        def test_another(number):
            pass
        """
    )
    run(pytester, "-n", "4", "-q").assert_outcomes(passed=80)


def test_a_run_without_shared_instruments_starts_no_server_and_loads_nothing(
    pytester: pytest.Pytester, folder: Path
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_light():
            assert not {"grpc", "google.protobuf", "click"} & set(sys.modules)
        """
    )
    run(pytester, "-W", "error").assert_outcomes(passed=1)
    assert list(folder.iterdir()) == []


def test_a_server_that_a_lock_started_stops_when_it_is_idle(folder: Path) -> None:
    command = [sys.executable, "-m", "session_sharing", "locks", "--stop-when-idle=0.5"]
    state = folder / "idle.json"
    with subprocess.Popen([*command, f"--state-file={state}"], stdout=subprocess.PIPE) as server:
        assert server.stdout and b"ready at" in server.stdout.readline()
        assert server.wait(60) == 0
    assert not state.exists()
