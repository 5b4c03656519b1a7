"""Wrong arguments, files and addresses give one line that says what to do, and an exit code."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from platform_process import invoke, running_platform
from platform_sim.cli.main import main
from plugin_folders import TEST_PLUGINS, TINY


@pytest.fixture(scope="module")
def platform_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    with running_platform(folder, "--plugins", TEST_PLUGINS, "--log-dir", folder) as platform:
        yield platform


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with invalid files only."""
    (tmp_path / "binary").write_bytes(b"\xb7\xff\x00")
    (tmp_path / "text").write_text("hello")
    monkeypatch.chdir(tmp_path)
    return tmp_path


MEASURE = ["measure", TINY]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([*MEASURE, "--pin-map", "binary"], "binary is not UTF-8. Save it as UTF-8."),
        ([*MEASURE, "--pin-map", "text"], "This is not well-formed XML"),
        ([*MEASURE, "--sites", "99999999999"], "are not site numbers"),
        ([*MEASURE, "--timeout", "nan"], "'nan' is not a number of seconds"),
        ([*MEASURE, "--timeout", "0"], "0 is not in the range"),
        ([*MEASURE, "--timeout", "1e300"], "is not in the range"),
        (["measui", TINY, "-o", "nowhere/Panel.measui"], "Panel.measui cannot be written: "),
        (["measui", TINY, "--check", "binary"], "binary is not a .measui file: it is not UTF-8."),
        (["measui", TINY, "--check", "text"], "This is not well-formed XML"),
        (["reservations", "--free", "typo"], "No session 'typo' is reserved; there are: none."),
        (["run", "binary"], "binary is not well-formed XML"),
        (["check", "text"], "text is not well-formed XML"),
        (["up", "--start-timeout", "nan"], "'nan' is not a number of seconds"),
    ],
    ids=" ".join,
)
def test_misuse_gives_one_line_and_leaves_nothing(platform_process, place, arguments, told):
    done = invoke(*arguments, state_file=platform_process.state_file)
    assert done.exit_code in (1, 2)
    assert isinstance(done.exception, SystemExit)
    assert told in done.stderr.splitlines()[-1]
    assert sorted(path.name for path in place.iterdir()) == ["binary", "text"]


@pytest.mark.parametrize("verb", ["services", "instruments", "reservations", f"measure {TINY}"])
@pytest.mark.parametrize("address", ["127.0.0.1:1", "host.invalid:80"])
def test_an_address_where_no_platform_answers_is_named(address, verb):
    done = CliRunner().invoke(main, verb.split(), env={"PLATFORM_SIM_DISCOVERY": address})
    assert done.exit_code == 1
    assert f"No platform answers at {address}. Start one with 'platform-sim up'." in done.stderr
