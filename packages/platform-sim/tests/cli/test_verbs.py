"""The commands of platform-sim on a running platform."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2 as pb
from ni.measurementlink.sessionmanagement.v1 import session_management_service_pb2_grpc
from pin_map_xml import connection, dmm, every_kind, pin_map_xml
from platform_process import command, invoke, running_platform, wait_until
from plugin_folders import TEST_PLUGINS, TINY, write_script_plugin
from plugin_kit.calling import PlatformClient
from plugin_kit.calling.channels import open_channel
from stopping_processes import OWN_CONSOLE, press_ctrl_c

BEHAVIOUR = "platform_sim.tests.Behaviour"


@pytest.fixture(scope="module")
def platform_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    with running_platform(folder, "--plugins", TEST_PLUGINS, "--log-dir", folder) as platform:
        yield platform


@pytest.fixture
def pin_map(tmp_path):
    file = tmp_path / "map.pinmap"
    file.write_text(every_kind(), encoding="utf-8")
    return file


def test_services_lists_what_runs_and_what_can_be_started(platform_process):
    listed = platform_process.invoke("services").stdout
    assert "ni.measurementlink.pinmap.v1.PinMapService" in listed
    line = next(line for line in listed.splitlines() if "platform_sim.tests.V1Only" in line)
    assert "2.1.0" in line
    assert "not started" in line

    rows = json.loads(platform_process.invoke("services", "--json").stdout)
    address = platform_process.state.discovery_address
    built_in = next(one for one in rows if one["service_class"].endswith("PinMapService"))
    assert built_in["addresses"] == [address]


def test_measure_prints_the_outputs(platform_process):
    assert platform_process.invoke("measure", TINY, "--set", "value=4").stdout == "doubled  8.0\n\n"


def test_measure_prints_each_update_as_a_line_of_json(platform_process):
    done = platform_process.invoke("measure", BEHAVIOUR, "--json", "--set", "mode=YIELD")
    numbers = [json.loads(line)["number"] for line in done.stdout.splitlines()]
    assert numbers == [1, 2, 3]


def test_measure_gives_pin_map_and_sites_to_the_plugin(platform_process, pin_map):
    done = platform_process.invoke(
        "measure", BEHAVIOUR, "--json", "--pin-map", pin_map, "--sites", "0,1"
    )
    outputs = json.loads(done.stdout)
    assert (outputs["pin map"], outputs["sites"]) == (str(pin_map), [0, 1])


def test_measure_without_a_pin_map_that_a_plugin_needs_says_how_to_give_one(
    platform_process, tmp_path
):
    write_script_plugin(
        tmp_path / "needs_pins",
        "test.NeedsPins",
        """
        from pathlib import Path
        import ni_measurement_plugin_sdk_service as nims

        service = nims.MeasurementService(
            service_config_path=Path(__file__).with_name("plugin.serviceconfig"))

        @service.register_measurement
        @service.output("volts", nims.DataType.Double)
        def measure():
            with service.context.reserve_session("Pin1") as reservation:
                with reservation.initialize_nidmm_session() as connection:
                    return (connection.session.read(),)

        with service.host_service():
            input()
        """,
    )
    with running_platform(tmp_path, "--plugins", tmp_path) as platform:
        told = platform.invoke("measure", "test.NeedsPins", exit_code=1)
    assert "--pin-map" in told.output


def test_a_plugin_that_fails_for_something_else_gets_no_hint_of_pin_maps(platform_process):
    told = platform_process.invoke("measure", BEHAVIOUR, "--set", "mode=RAISE", exit_code=1)
    assert "the probe fell off" in told.output
    assert "--pin-map" not in told.output


def test_measure_without_sites_measures_on_all_of_the_pin_map(platform_process, pin_map):
    done = platform_process.invoke("measure", BEHAVIOUR, "--json", "--pin-map", pin_map)
    assert json.loads(done.stdout)["sites"] == [0, 1]


def test_measure_describes_a_plugin(platform_process):
    text = platform_process.invoke("measure", BEHAVIOUR, "--describe").stdout
    assert "Behaviour 2.1.0" in text
    assert "mode: enum = RETURN  one of RETURN, YIELD" in text
    assert "data: double[]" in text


def test_a_description_and_numbers_that_json_lacks_can_be_read_by_a_program(platform_process):
    described = json.loads(
        platform_process.invoke("measure", BEHAVIOUR, "--describe", "--json").stdout
    )
    assert (described["display_name"], described["version"]) == ("Behaviour", "2.1.0")
    mode, *_ = described["parameters"]
    assert (mode["name"], mode["type"], mode["default"]) == ("mode", "enum", "RETURN")
    assert mode["enum_values"]["YIELD"] == 1
    assert [one["name"] for one in described["outputs"]] == ["number", "data", "sites", "pin map"]

    done = platform_process.invoke("measure", TINY, "--set", "value=nan", "--json")
    assert done.stdout == '{"doubled": null}\n'


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no.such.Class"], "NOT_FOUND"),
        ([TINY, "--set", "typo=1"], "there are: value"),
        ([TINY, "--set", "value"], "must be NAME=VALUE"),
        ([TINY, "--set", "value=x"], "does not fit double"),
        ([TINY, "--sites", "a"], "site numbers"),
        ([BEHAVIOUR, "--set", "mode=RAISE"], "the probe fell off"),
    ],
)
def test_measure_reports_an_error_in_one_line(platform_process, arguments, told):
    done = invoke("measure", *arguments, state_file=platform_process.state_file)
    assert done.exit_code in (1, 2)
    assert told in done.stderr


def test_ctrl_c_cancels_the_measurement(platform_process, tmp_path):
    mark = tmp_path / "mark"
    process = subprocess.Popen(
        [
            *command("measure", BEHAVIOUR, "--set", "mode=WAIT_FOR_CANCEL"),
            *("--set", f"mark file={mark}", "--json"),
        ],
        env={**platform_process.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **OWN_CONSOLE,
    )
    assert json.loads(process.stdout.readline())["number"] == 0
    press_ctrl_c(process.pid)
    assert "Cancelled." in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    wait_until(lambda: mark.exists() and mark.read_text() == "cancelled")


def test_exec_runs_a_program_that_finds_the_platform_and_ends_with_its_exit_code(platform_process):
    script = (
        "import sys; from ni.measurementlink.discovery.v1.client import DiscoveryClient;"
        "print(DiscoveryClient().enumerate_compute_nodes()[0].url); sys.exit(3)"
    )
    done = platform_process.run("exec", "--", sys.executable, "-c", script, check=False)
    assert (done.returncode, done.stdout) == (3, "localhost\n")


def test_exec_of_nothing_that_exists_is_reported(platform_process):
    done = platform_process.run("exec", "--", "no-such-program", check=False)
    assert done.returncode == 1
    assert "no-such-program cannot be run: " in done.stderr


def test_reservations_shows_the_holder_and_frees_the_session(platform_process, pin_map):
    address = platform_process.state.discovery_address
    with PlatformClient(address) as client, open_channel(address) as channel:
        sessions = session_management_service_pb2_grpc.SessionManagementServiceStub(channel)
        request = pb.ReserveSessionsRequest(
            pin_or_relay_names=["Out"],
            instrument_type_id="niDMM",
            annotations={"ni/reserved.username": "ada", "ni/reserved.hostname": "bench3"},
        )
        request.pin_map_context.pin_map_id = client.load_pin_map(pin_map)
        sessions.ReserveSessions(request)

    text = platform_process.invoke("reservations").stdout
    assert "niDMM-DMM1  not open  held by ada@bench3" in text
    (row,) = json.loads(platform_process.invoke("reservations", "--json").stdout)
    assert (row["session"], row["is_reserved"]) == ("niDMM-DMM1", True)

    assert "No session" in platform_process.invoke("reservations", "--free", "niDMM-DMM1").stdout


def test_instruments_lists_models_and_open_sessions(platform_process):
    text = platform_process.invoke("instruments").stdout
    assert "nidcpower" in text
    assert text.endswith("Open sessions\n  none\n")

    script = (
        "import grpc, nidmm, subprocess, sys\n"
        "channel = grpc.insecure_channel(sys.argv[1])\n"
        "options = nidmm.GrpcSessionOptions(channel, 'mine')\n"
        "with nidmm.Session('DMM1', grpc_options=options):\n"
        "    subprocess.run([sys.executable, '-m', 'platform_sim.cli', 'instruments', '--json'])\n"
    )
    address = platform_process.state.device_server_address
    done = platform_process.run("exec", "--", sys.executable, "-c", script, address)
    (session,) = json.loads(done.stdout)["sessions"]
    assert (session["name"], session["driver"]) == ("mine", "nidmm")


def test_pinmap_check_of_a_good_file_says_so(pin_map):
    done = invoke("pinmap", "check", pin_map)
    assert (done.exit_code, done.stdout) == (0, f"{pin_map}: no errors found.\n")


def test_pinmap_check_names_file_line_and_remedy(tmp_path):
    file = tmp_path / "bad.pinmap"
    xml = pin_map_xml(
        instruments=[dmm("DMM1")], pins=["Out"], connections=[connection("Out", 3, "DMM1", 0)]
    )
    file.write_text(xml, encoding="utf-8")
    line = 1 + next(i for i, text in enumerate(xml.splitlines()) if "<Connection " in text)
    done = invoke("pinmap", "check", file)
    assert done.exit_code == 1
    assert f'{file}:{line}: error: Connection of "Out": site 3 is not defined. Define' in (
        done.stdout
    )
    done = invoke("pinmap", "check", "--json", file)
    row = next(row for row in json.loads(done.stdout) if "site 3" in row["message"])
    assert (done.exit_code, row["file"], row["line"]) == (1, str(file), line)
    assert row["severity"] == "error"


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"<PinMap", ":1: error: This is not well-formed"), (b"\xff\xfe", "not UTF-8")],
)
def test_pinmap_check_of_a_file_that_is_no_pin_map(tmp_path, content, told):
    file = tmp_path / "bad.pinmap"
    file.write_bytes(content)
    done = invoke("pinmap", "check", file)
    assert done.exit_code == 1
    assert told in done.stdout


@pytest.mark.parametrize(
    "verb",
    [
        *("up", "exec", "services", "measure", "run", "check", "pinmap", "pinmap check"),
        *("reservations", "instruments", "measui"),
    ],
)
def test_help_of_every_verb_explains_it_with_an_example(verb):
    done = invoke(*verb.split(), "--help")
    assert "Example: platform-sim" in done.stdout or verb == "pinmap"
    assert "Usage: platform-sim" in done.stdout
