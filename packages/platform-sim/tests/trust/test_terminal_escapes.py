"""Names from other users can neither steer the terminal that shows them, nor fake a row."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import suppress

import pytest
import session_pb2
from capabilities import needs_control_characters
from ni.measurementlink.discovery.v1 import discovery_service_pb2 as discovery
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc as discovery_grpc
from ni.measurementlink.sessionmanagement.v1 import annotations as keys
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as sessions
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc
from pin_map_xml import connection, dmm, pin_map_xml
from platform_process import DEADLINE, clean_environment, command, invoke, running_platform
from platform_sim.sequence.model import Group
from platform_sim.sequence.reports import LiveTable, Notes
from platform_sim.sequence.results import SiteOutputs, StepResult, StepStatus
from plugin_folders import service_entry, write_service_config
from plugin_kit.calling import PlatformClient
from plugin_kit.calling.channels import open_channel

pytestmark = needs_control_characters

CONTROLS = {
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029",
}
STEERING = "\x1b]0;title\x07\x1b]52;c;Y2xpcA==\x07\x9b2J\u202e\x85\rx\nforged row"
IN_XML = "\x9b2J\u202e\x85"
IN_FILE_NAME = STEERING.replace("/", "")


def assert_harmless(text, *, shows="forged row"):
    assert shows in text
    lines = text.split("\n")
    assert not [line for line in lines if CONTROLS & set(line)]
    assert not [line for line in lines if line.startswith("forged row")]


@pytest.fixture(scope="module")
def platform_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    with (
        running_platform(folder) as platform,
        socket.create_server(("127.0.0.1", 0)) as listener,
        open_channel(platform.state.discovery_address) as channel,
    ):
        plant(channel, str(listener.getsockname()[1]))
        yield platform


def plant(channel, port):
    """Register a service and a session whose texts all try to steer the terminal."""
    discovery_grpc.DiscoveryServiceStub(channel).RegisterService(
        discovery.RegisterServiceRequest(
            service_description=discovery.ServiceDescriptor(
                display_name=STEERING,
                service_class=STEERING,
                provided_interfaces=[STEERING],
                versions=[STEERING],
            ),
            location=discovery.ServiceLocation(location="127.0.0.1", insecure_port=port),
        )
    )
    stub = session_management_service_pb2_grpc.SessionManagementServiceStub(channel)
    stub.RegisterSessions(
        sessions.RegisterSessionsRequest(
            sessions=[
                sessions.SessionInformation(
                    session=session_pb2.Session(name=STEERING), instrument_type_id=STEERING
                )
            ]
        )
    )
    stub.ReserveAllRegisteredSessions(
        sessions.ReserveAllRegisteredSessionsRequest(
            annotations={keys.RESERVED_USERNAME: STEERING, keys.RESERVED_HOSTNAME: STEERING}
        )
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["services"],
        ["services", "--json"],
        ["reservations"],
        ["reservations", "--json"],
        ["reservations", "--free", STEERING + "?"],
        ["measure", STEERING, "--timeout", "5"],
        ["measui", STEERING],
        ["pinmap", "check", STEERING],
        ["exec", STEERING],
        [STEERING],
    ],
    ids=lambda arguments: " ".join(arguments).split("\x1b")[0].strip(),
)
def test_commands_escape_foreign_names(platform_process, arguments):
    done = invoke(*arguments, state_file=platform_process.state_file)
    assert_harmless(done.stdout + done.stderr)


def test_a_pin_maps_names_are_escaped(tmp_path):
    file = tmp_path / f"{IN_FILE_NAME}.pinmap"
    pins = [f"A{IN_XML}", f"A{IN_XML}"]
    file.write_text(
        pin_map_xml(
            instruments=[dmm(f"DMM{IN_XML}")],
            pins=pins,
            connections=[connection(f"B{IN_XML}", 0, f"DMM{IN_XML}", 0)],
        ),
        encoding="utf-8",
    )
    assert_harmless(invoke("pinmap", "check", file).output)


def test_the_table_of_a_run_is_escaped(capsys):
    step = StepResult(
        Group.MAIN,
        STEERING,
        StepStatus.ERROR,
        0.1,
        message=STEERING,
        details=STEERING.replace("\n", ""),
        measurements=(SiteOutputs({STEERING: STEERING}),),
    )
    LiveTable().step_started(Group.MAIN, STEERING)
    LiveTable().step_ended(step)
    Notes().note(STEERING)
    written = capsys.readouterr()
    assert_harmless(written.out)
    assert_harmless(written.err)


def test_the_bad_steps_of_a_run_and_the_findings_of_a_check_are_escaped(bench_file, tmp_path):
    with running_platform(tmp_path) as platform:
        for verb in ("run", "check"):
            done = invoke(verb, bench_file, state_file=platform.state_file)
            assert_harmless(done.stdout + done.stderr, shows="2J")


@pytest.fixture
def bench_file(tmp_path):
    """Return a sequence whose step has a name that tries to steer, and no module."""
    from platform_sim.sequence.description import parse_description
    from platform_sim.sequence.seq_writer import write_sequence_file

    file = tmp_path / "Test.seq"
    text = '[[main]]\nname = "stepX-X"\nmodule = "noneX-X.py"\nfunction = "fX-X"\n'
    write_sequence_file(file, parse_description(text))
    content = file.read_text(encoding="utf-8-sig").replace("X-X", IN_XML)
    file.write_text(content, encoding="utf-8")
    return file


def test_the_platforms_log_is_escaped(tmp_path):
    folder = tmp_path / f"plug{IN_FILE_NAME}"
    write_service_config(folder, service_entry("test.One", serviceClass=None))
    with subprocess.Popen(
        command("up", "--state-file", tmp_path / "state.json", "--plugins", folder),
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline()
            address = line.partition("discovery ")[2].partition(",")[0]
            xml = pin_map_xml().replace("<Pins>", "<Unknown/><Pins>")
            file = tmp_path / f"{IN_FILE_NAME}.pinmap"
            file.write_text(xml)
            with PlatformClient(address) as client, suppress(Exception):
                client.load_pin_map(file)
        finally:
            process.terminate()
        _, written = process.communicate(timeout=DEADLINE)
    assert "A .serviceconfig file is ignored. " in written
    assert "are unknown" in written
    assert_harmless(written)


def test_a_panel_on_a_terminal_is_escaped():
    # The panel has the names of the plug-in. A file gets them unchanged.
    code = f"from platform_sim.cli.measui import _write; _write({IN_XML + 'forged row'!r}, None)"
    run = [sys.executable, "-c", f"import sys; sys.stdout.isatty = lambda: True; {code}"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert_harmless(done.stdout)
