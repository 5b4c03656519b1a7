"""GPIO lines are nets of a simulated bench: what they switch, a simulated SMU measures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from benches import BenchProcess, is_closed, measuring, running_bench
from click.testing import CliRunner
from device_comm import ResourceFailedError, ResourceLostError, SessionExpiredError
from device_comm.cli import main
from device_comm_process import DeviceCommProcess
from processes import eventually


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[BenchProcess]:
    with running_bench(tmp_path) as running:
        yield running


@pytest.fixture
def server(bench: BenchProcess, tmp_path: Path) -> Iterator[DeviceCommProcess]:
    folder = tmp_path / "devices"
    folder.mkdir()
    with DeviceCommProcess(folder, bench.gpio) as process:
        yield process


def test_a_line_closes_a_relay_that_an_smu_measures_until_the_session_ends(
    bench: BenchProcess, server: DeviceCommProcess
) -> None:
    with measuring(bench) as smu:
        assert not is_closed(smu)
        with server.client() as device:
            device.set_line(0, 3, True)
            eventually(lambda: is_closed(smu))
            device.set_port(0, 0, mask=0b1000)
            eventually(lambda: not is_closed(smu))
            device.set_port(0, 0xFF)
            eventually(lambda: is_closed(smu))
            assert device.get_port(0) == 0xFF
        eventually(lambda: not is_closed(smu))


def test_a_killed_device_server_drives_nothing_any_more(
    bench: BenchProcess, server: DeviceCommProcess
) -> None:
    with measuring(bench) as smu:
        device = server.client()
        device.set_line(0, 3, True)
        eventually(lambda: is_closed(smu))

        server.kill()

        eventually(lambda: not is_closed(smu))
        device.connection.close()


def test_a_line_that_was_never_written_reads_the_level_of_its_net(
    server: DeviceCommProcess,
) -> None:
    with server.client() as device:
        assert device.get_port(2) == 0b1000_0000, "5 V of the bench, and no other net"
        assert device.get_line(2, 7)


def test_a_driven_line_reads_what_the_circuit_makes_of_it(server: DeviceCommProcess) -> None:
    with server.client() as device:
        device.set_line(2, 7, False)
        assert device.get_line(2, 7) is False, "50 Ohm to ground and 100 Ohm to 5 V: 1.7 V"


def test_lines_without_a_net_and_other_devices_are_in_memory(server: DeviceCommProcess) -> None:
    with server.client() as device, server.client("Other") as other:
        device.set_line(1, 0, True)
        assert device.get_port(1) == 1
        other.set_line(0, 3, True)
        assert other.get_line(0, 3)
        assert not device.get_line(0, 3)


def test_when_the_bench_dies_the_session_fails_and_says_so(
    bench: BenchProcess, server: DeviceCommProcess
) -> None:
    with server.client() as device:
        device.set_line(0, 3, True)
        bench.kill()
        with pytest.raises(ResourceLostError, match="levels are lost"):
            device.set_line(0, 3, False)
        with pytest.raises(SessionExpiredError):
            device.get_register("CONFIG_0")
        with pytest.raises(ResourceFailedError, match=r"device-sim serve --bench"):
            server.client()


@pytest.mark.parametrize("text", ["bench", "bench:5000", "bench:host:port", "net:host:5000", ""])
def test_another_kind_of_lines_is_refused_before_anything_starts(text: str, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    done = CliRunner().invoke(main, ["serve", f"--gpio={text}", f"--state-file={state}"])

    assert done.exit_code == 1
    assert "bench:HOST:PORT" in done.output
