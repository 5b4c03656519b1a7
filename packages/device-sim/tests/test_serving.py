"""The command `device-sim`, in separate processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys

import grpc
import nidmm
import pytest
from as_user import STRANGER, needs_users, run_as
from device_process import DEADLINE, command, running_device_sim
from device_sim import DeviceControl
from processes import listening_addresses

BENCH = """
[[connect]]
channel = "DMM1"
hi = "net"

[[part]]
name = "V1"
kind = "source"
a = "net"
b = "GND"
voltage = 2.0
resistance = 1.0
"""
ODD_KIND = BENCH.replace("source", "so\\u001b[31murce")
DANGLING = BENCH.replace('a = "net"', 'a = "ent"')


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def refused(*arguments: object) -> str:
    """Return the error text of a command that its user can correct."""
    done = run(*arguments)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_nis_driver_measures_what_the_bench_file_describes(tmp_path, bench_file):
    with (
        running_device_sim(tmp_path, "--bench", bench_file(BENCH)) as server,
        grpc.insecure_channel(server.address) as channel,
        nidmm.Session("DMM1", grpc_options=nidmm.GrpcSessionOptions(channel, "mine")) as dmm,
        DeviceControl(server.address) as control,
    ):
        dmm.configure_measurement_digits(nidmm.Function.DC_VOLTS, 10.0, 5.5)
        assert dmm.read() == pytest.approx(2.0, rel=1e-3)
        control.bench.set("V1", voltage=3.0)
        assert dmm.read() == pytest.approx(3.0, rel=1e-3)
        assert [one.name for one in control.sessions] == ["mine"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0_and_removes_the_state_file(tmp_path, number):
    with running_device_sim(tmp_path) as server:
        state = json.loads(server.state_file.read_text("utf-8"))
        assert state == {"pid": server.process.pid, "device_server_address": server.address}
        if sys.platform != "win32":
            assert stat.S_IMODE(server.state_file.stat().st_mode) == 0o600
        assert server.stop(number) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_ready_line_has_services_address_and_state_file(tmp_path):
    with running_device_sim(tmp_path) as server:
        assert server.output[-1] == (
            "device-sim is ready: nidaqmx_grpc.NiDAQmx, nidcpower_grpc.NiDCPower, "
            "nidigitalpattern_grpc.NiDigital, nidmm_grpc.NiDmm, nifgen_grpc.NiFgen, "
            "niscope_grpc.NiScope, "
            f"niswitch_grpc.NiSwitch on {server.address}, state file {server.state_file}\n"
        )


def test_a_second_server_with_the_same_state_file_is_refused(tmp_path):
    with running_device_sim(tmp_path) as server:
        told = refused("serve", "--port", 0, "--state-file", server.state_file)
        assert "already running" in told
        assert server.state_file.exists()


def test_the_state_file_of_a_killed_server_is_replaced(tmp_path):
    with running_device_sim(tmp_path) as killed:
        killed.process.kill()
        killed.process.wait(DEADLINE)
    with running_device_sim(tmp_path) as server:
        assert json.loads(server.state_file.read_text("utf-8"))["pid"] == server.process.pid


def test_a_file_that_is_no_state_file_is_refused_and_kept(tmp_path):
    file = tmp_path / "notes.json"
    file.write_text("[1, 2]", encoding="utf-8")
    assert "not a state file" in refused("serve", "--port", 0, "--state-file", file)
    assert file.read_text("utf-8") == "[1, 2]"


def test_a_taken_port_is_refused_with_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = refused("serve", "--port", port, "--state-file", tmp_path / "state.json")
    assert f"Port {port} cannot be used" in told
    assert "--port 0" in told
    assert not (tmp_path / "state.json").exists()


def test_a_bench_file_with_a_mistake_is_refused_and_cannot_steer_the_terminal(tmp_path, bench_file):
    state = tmp_path / "state.json"
    told = refused("serve", "--port", 0, "--state-file", state, "--bench", bench_file(ODD_KIND))
    assert "the unknown kind 'so\\x1b[31murce'" in told
    assert "\x1b" not in told


def test_warnings_about_a_bench_file_come_before_the_server_is_ready(tmp_path, bench_file):
    with running_device_sim(tmp_path, "--bench", bench_file(DANGLING)) as server:
        assert any("'ent' is dangling" in line for line in server.output)


CALLER = "import grpc; grpc.insecure_channel('127.0.0.1:1').close()"  # which imports the rest
CALL = """
with grpc.insecure_channel(sys.argv[2]) as channel:
    call = channel.unary_unary("/device_sim.v1.Bench/ListSessions")
    try:
        print(call(b"") == b"")
    except grpc.RpcError as error:
        print(error.code().name, error.details())
"""


@needs_users
def test_other_users_are_answered_only_by_a_server_that_allows_them(tmp_path):
    with running_device_sim(tmp_path) as server:
        (told,) = run_as(STRANGER, CALL, server.address, imports=CALLER)
        assert run_as(os.geteuid(), CALL, server.address, imports=CALLER) == ["True"]
    assert told.startswith("PERMISSION_DENIED")
    assert f"user {STRANGER}" in told
    assert "--other-users" in told
    with running_device_sim(tmp_path, "--other-users") as server:
        assert run_as(STRANGER, CALL, server.address, imports=CALLER) == ["True"]


def test_it_listens_on_this_machine_only(tmp_path):
    with running_device_sim(tmp_path) as server:
        assert listening_addresses(server.process.pid, int(server.address.rpartition(":")[2])) == [
            "127.0.0.1"
        ]


def test_a_bench_file_without_mistakes_passes_the_check(bench_file):
    done = run("bench", "check", bench_file(BENCH))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().endswith("is a bench: 1 part, 1 wired channel.")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (ODD_KIND, "the unknown kind 'so\\x1b[31murce'"),
        (BENCH.replace('"DMM1"', '"DMM1/99"'), "there is no channel dmm1/99"),
        ("[instruments.DMM1]\nmodel = '1'", "no model '1'"),
    ],
)
def test_a_bench_file_with_a_mistake_fails_the_check(bench_file, content, told):
    assert told in refused("bench", "check", bench_file(content))


def test_the_check_reports_likely_mistakes(bench_file):
    done = run("bench", "check", bench_file(DANGLING))
    assert done.returncode == 0
    assert "WARNING: bench bench.toml: line 6: the net 'ent' is dangling" in done.stderr
