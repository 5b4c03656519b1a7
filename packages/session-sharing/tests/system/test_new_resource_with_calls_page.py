"""docs/new-resource-with-calls.md works as printed, from an empty folder to a plug-in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from printed_pages import blocks
from processes import EXAMPLES, eventually
from scpi_supply import Supply, supply

PAGE = "new-resource-with-calls.md"
Start = Callable[..., "subprocess.Popen[str]"]

QUERY_BY_CONSTRUCTOR = """
import sys
from ni.measurementlink.sessionmanagement.v1.client import SessionInformation
info = SessionInformation(sys.argv[1], sys.argv[1], "", "Scpi", False, [])
with ScpiConstructor()(info) as supply:
    print(supply.new_session, supply.query("OUTPUT?"))
"""


@pytest.fixture
def instrument() -> Iterator[Supply]:
    with supply() as instrument:
        yield instrument


@pytest.fixture
def server(folder: Path, start: Start, instrument: Supply) -> subprocess.Popen[str]:
    """The page's server, made by the page's commands from the page's files."""
    code, use, constructor = (
        next(block for block in blocks(PAGE, "python") if text in block)
        for text in ("class Servicer", "with ScpiSession(", "class ScpiConstructor")
    )
    (folder / "scpi.proto").write_text(blocks(PAGE, "proto")[0])
    (folder / "scpi_instrument.py").write_text(code)
    (folder / "use_it.py").write_text(
        use.replace("TCPIP::127.0.0.1::5025::SOCKET", instrument.visa_name)
    )
    (folder / "constructed.py").write_text(constructor + QUERY_BY_CONSTRUCTOR)
    assert "session-sharing stubs scpi.proto\n" in blocks(PAGE)
    stubs = [sys.executable, "-m", "session_sharing", "stubs", "scpi.proto"]
    subprocess.run(stubs, cwd=folder, check=True)
    server = start("scpi_instrument.py")
    assert server.stdout and "ready at" in server.stdout.readline()
    return server


def hears(process: subprocess.Popen[str], text: str) -> None:
    """Read what a process prints until a text comes."""
    assert process.stdout
    heard = ""
    while text not in heard:
        more = process.stdout.read(1)
        assert more, f"{text!r} is not in {heard!r}"
        heard += more


def test_the_page_prints_the_example_that_the_package_has() -> None:
    assert blocks(PAGE, "proto") == [(EXAMPLES / "scpi" / "scpi.proto").read_text()]
    assert (EXAMPLES / "scpi" / "scpi_instrument.py").read_text() in blocks(PAGE, "python")


def test_programs_share_the_connection_and_the_output_goes_off_when_its_program_dies(
    server: subprocess.Popen[str], start: Start, instrument: Supply
) -> None:
    first = start("use_it.py")
    hears(first, "The output is on")
    second = start("use_it.py")
    hears(second, "Example,PS-1,0,1.0")
    hears(second, "The output is on")
    assert instrument.connections == 1
    assert instrument.settings["OUTPUT"] == "ON"

    first.kill()

    eventually(lambda: instrument.settings["OUTPUT"] == "OFF", within=2)
    eventually(lambda: instrument.connections == 0)


def test_a_plugin_attaches_by_the_constructor(
    server: subprocess.Popen[str], start: Start, instrument: Supply
) -> None:
    hears(start("use_it.py"), "The output is on")
    plugin = start("constructed.py", instrument.visa_name)

    assert plugin.communicate(timeout=120)[0] == "False ON\n"


def test_the_output_stays_as_the_program_left_it(
    server: subprocess.Popen[str], start: Start, instrument: Supply
) -> None:
    user = start("use_it.py")
    hears(user, "The output is on")
    user.communicate("\n", timeout=120)

    eventually(lambda: instrument.connections == 0)
    assert instrument.settings["OUTPUT"] == "ON"
