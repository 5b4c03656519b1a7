"""Discovery starts an installed service only once, and again after it died."""

from __future__ import annotations

import json
import re
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import psutil
import pytest
from capabilities import needs_batch_reader, needs_full_device, needs_signals
from ni.measurementlink.discovery.v1.client import DiscoveryClient
from platform_process import running_platform, wait_for_exit
from platform_sim.platform import Platform, PlatformOptions
from plugin_folders import (
    TEST_PLUGINS,
    TINY,
    service_entry,
    started_pids,
    write_plain_service,
    write_script_plugin,
    write_service_config,
)
from plugin_kit import PlatformError
from plugin_kit.calling import PlatformClient

INTERFACE = "test.Interface"


def resolve(address, service_class):
    with PlatformClient(address) as client:
        return client.resolve(INTERFACE, service_class)


def can_connect(address):
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=2):
        return True


@needs_batch_reader
def test_a_batch_file_that_changes_folder_and_sets_variables_starts_its_plugin(
    ni_platform, tmp_path
):
    write_plain_service(tmp_path / "plugin", "test.Plain")
    (tmp_path / "plugin" / "measurement.py").rename(tmp_path / "code.py")
    lines = ["cd /d %~dp0..", "set MODE=fast", "py -3 code.py ^", "  %MODE% > log.txt"]
    (tmp_path / "plugin" / "start.bat").write_text("\r\n".join(lines), newline="")
    ni_platform.add_plugins(tmp_path)

    assert can_connect(resolve(ni_platform.discovery_address, "test.Plain"))
    assert len(started_pids(tmp_path)) == 1


def test_a_hundred_concurrent_resolves_start_a_plugin_once(ni_platform, tmp_path):
    write_plain_service(tmp_path / "plain", "test.Plain")
    ni_platform.add_plugins(tmp_path)

    with ThreadPoolExecutor(100) as threads:
        addresses = threads.map(
            lambda _: resolve(ni_platform.discovery_address, "test.Plain"), range(100)
        )
    (address,) = set(addresses)

    assert can_connect(address)
    assert len(started_pids(tmp_path / "plain")) == 1


def test_a_killed_plugin_is_back_at_the_next_resolve(ni_platform, tmp_path):
    write_plain_service(tmp_path / "plain", "test.Plain")
    ni_platform.add_plugins(tmp_path)
    first = resolve(ni_platform.discovery_address, "test.Plain")
    (pid,) = started_pids(tmp_path / "plain")

    psutil.Process(pid).kill()
    assert wait_for_exit(pid, 5)
    second = resolve(ni_platform.discovery_address, "test.Plain")

    assert second != first
    assert can_connect(second)
    assert len(started_pids(tmp_path / "plain")) == 2


def test_versions_of_one_class_are_started_apart(ni_platform, tmp_path):
    for version in ("1.0.0", "2.0.0"):
        write_plain_service(tmp_path / version, "test.Plain", version)
    ni_platform.add_plugins(tmp_path)

    with PlatformClient(ni_platform.discovery_address) as client:
        latest = client.resolve(INTERFACE, "test.Plain")
        older = client.resolve(INTERFACE, "test.Plain", version="1.0.0")
        again = client.resolve(INTERFACE, "test.Plain", version="2.0.0")
    assert latest == again != older


def test_versions_of_one_class_may_start_at_the_same_time(ni_platform, tmp_path):
    versions = ["1.0.0", "2.0.0", "3.0.0"]
    for version in versions:
        write_plain_service(tmp_path / version, "test.Plain", version)
    ni_platform.add_plugins(tmp_path)

    def resolve_version(version):
        with PlatformClient(ni_platform.discovery_address) as client:
            return client.resolve(INTERFACE, "test.Plain", version=version)

    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(resolve_version, versions))) == 3


def test_a_plugin_folder_that_appears_later_is_found(ni_platform, tmp_path):
    ni_platform.add_plugins(tmp_path)
    client = DiscoveryClient()
    assert client.enumerate_services(INTERFACE) == []

    write_plain_service(tmp_path / "new", "test.New")

    assert [one.service_class for one in client.enumerate_services(INTERFACE)] == ["test.New"]
    assert can_connect(client.resolve_service(INTERFACE).insecure_address)


def test_a_plugin_that_dies_is_reported_with_its_last_output(ni_platform, tmp_path):
    script = "print('working')\nraise SystemExit('no instrument driver')"
    write_script_plugin(tmp_path, "test.Dying", script, providedInterfaces=[INTERFACE])
    ni_platform.add_plugins(tmp_path)

    with pytest.raises(grpc.RpcError) as raised:
        DiscoveryClient().resolve_service(INTERFACE)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    for part in ("exit code 1", "working", "no instrument driver"):
        assert part in raised.value.details()


def test_the_output_of_each_run_is_kept_but_only_the_last_ones_is_reported(ni_platform, tmp_path):
    script = "import os\nraise SystemExit(f'process {os.getpid()} failed')"
    write_script_plugin(tmp_path, "test.Dying", script, providedInterfaces=[INTERFACE])
    ni_platform.add_plugins(tmp_path)

    told = []
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as raised:
            DiscoveryClient().resolve_service(INTERFACE)
        told.append(raised.value.details().splitlines()[-1])
    assert told[0] != told[1]
    assert told[0] not in raised.value.details()
    assert (ni_platform.log_folder / "test.Dying-0.0.1.log").read_text().splitlines() == told


def test_a_program_that_does_not_exist_is_named(ni_platform, tmp_path):
    section = {"start": ["no-such-program-anywhere"]}
    entry = service_entry(
        "test.Missing", providedInterfaces=[INTERFACE], **{"platform-sim": section}
    )
    write_service_config(tmp_path, entry)
    ni_platform.add_plugins(tmp_path)

    with pytest.raises(grpc.RpcError) as raised:
        DiscoveryClient().resolve_service(INTERFACE)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "no-such-program-anywhere" in raised.value.details()


@needs_full_device
def test_a_full_disk_below_the_log_folder_is_reported(ni_platform, tmp_path):
    write_plain_service(tmp_path, "test.Plain")
    ni_platform.add_plugins(tmp_path)
    log = ni_platform.log_folder / "test.Plain-0.0.1.log"
    log.symlink_to("/dev/full")

    with pytest.raises(PlatformError, match=r"No space left on device.* another --log-dir"):
        resolve(ni_platform.discovery_address, "test.Plain")
    log.unlink()
    assert can_connect(resolve(ni_platform.discovery_address, "test.Plain"))


def test_a_class_that_is_not_found_is_reported_with_the_files_that_were_skipped(
    ni_platform, tmp_path
):
    (tmp_path / "typo.serviceconfig").write_text('{"services": [{"displayName": "Typo",}]}')
    write_plain_service(tmp_path / "good", "test.Good")
    ni_platform.add_plugins(tmp_path)

    with pytest.raises(grpc.RpcError) as raised:
        DiscoveryClient().resolve_service(INTERFACE, "test.Typo")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
    assert "1 .serviceconfig files are ignored: " in raised.value.details()
    assert re.search(r"typo\.serviceconfig: .+: line 1 column", raised.value.details())


def test_a_plugin_that_never_registers_is_reported_and_ended(tmp_path):
    script = (
        "import os, sys\nprint('pid', os.getpid(), flush=True)\n"
        "open('starts.txt', 'w').write(str(os.getpid()))\nsys.stdin.read()"
    )
    write_script_plugin(tmp_path, "test.Mute", script, providedInterfaces=[INTERFACE])
    options = PlatformOptions(
        plugin_folders=(tmp_path,), start_timeout=1.0, has_device_server=False
    )
    with Platform(options) as platform:
        with pytest.raises(Exception, match=r"did not register within 1 s(.|\n)*pid \d+"):
            resolve(platform.discovery_address, "test.Mute")
        assert wait_for_exit(started_pids(tmp_path)[0], 5)


def test_a_plugin_of_another_version_than_its_serviceconfig_is_reported(ni_platform, tmp_path):
    write_plain_service(tmp_path, "test.Plain", "1.0.0")
    config = tmp_path / "plugin.serviceconfig"
    config.write_text(config.read_text().replace('"version": "1.0.0"', '"version": "2.0.0"'))
    ni_platform.add_plugins(tmp_path)

    with pytest.raises(
        Exception, match=r"registered as version 1\.0\.0, but .* says version 2\.0\.0"
    ):
        resolve(ni_platform.discovery_address, "test.Plain")


def test_a_plugin_that_registers_without_a_version_has_that_of_its_serviceconfig(
    ni_platform, tmp_path
):
    write_plain_service(tmp_path, "test.Plain", "")
    config = tmp_path / "plugin.serviceconfig"
    content = json.loads(config.read_text())
    content["services"][0]["version"] = "2.0.0"
    config.write_text(json.dumps(content))
    ni_platform.add_plugins(tmp_path)

    first = resolve(ni_platform.discovery_address, "test.Plain")

    assert resolve(ni_platform.discovery_address, "test.Plain") == first
    assert len(started_pids(tmp_path)) == 1


def test_the_platforms_stop_ends_its_plugins_gently_first(tmp_path):
    write_plain_service(tmp_path, "test.Plain")
    script = tmp_path / "measurement.py"
    script.write_text(script.read_text() + "\nopen('ended.txt', 'w').write('by its input')\n")
    options = PlatformOptions(plugin_folders=(tmp_path,), has_device_server=False)
    with Platform(options) as platform:
        resolve(platform.discovery_address, "test.Plain")

    assert (tmp_path / "ended.txt").read_text() == "by its input"
    assert wait_for_exit(started_pids(tmp_path)[0], 0.1)


@needs_signals
def test_the_platforms_stop_ends_also_a_plugin_that_ignores_input_and_sigterm(tmp_path):
    write_plain_service(tmp_path, "test.Plain")
    script = tmp_path / "measurement.py"
    stubborn = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    )
    script.write_text(stubborn + script.read_text().replace("sys.stdin.read()", "time.sleep(60)"))
    options = PlatformOptions(
        plugin_folders=(tmp_path,), has_device_server=False, plugin_stop_grace=0.2
    )
    with Platform(options) as platform:
        resolve(platform.discovery_address, "test.Plain")
    assert wait_for_exit(started_pids(tmp_path)[0], 0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_plugins_of_a_killed_platform_end_within_two_seconds(tmp_path):
    write_plain_service(tmp_path / "direct", "test.Direct")
    ignoring = tmp_path / "direct" / "measurement.py"
    ignoring.write_text(
        ignoring.read_text().replace("sys.stdin.read()", "__import__('time').sleep(60)")
    )
    write_plain_service(tmp_path / "shell", "test.Shell")
    script = tmp_path / "shell" / "measurement.py"
    script.write_text(ignoring.read_text().replace("test.Direct", "test.Shell"))
    # Without exec the shell stays between the platform and the plug-in.
    (tmp_path / "shell" / "start.sh").write_text(f"'{sys.executable}' measurement.py; true\n")

    with running_platform(tmp_path, "--plugins", tmp_path) as platform:
        address = platform.state.discovery_address
        for service_class in ("test.Direct", "test.Shell"):
            resolve(address, service_class)
        pids = started_pids(tmp_path / "direct") + started_pids(tmp_path / "shell")
        platform.process.kill()
        assert [wait_for_exit(pid, 2) for pid in pids] == [True, True]


def test_a_real_plugin_measures_and_is_reused(ni_platform):
    ni_platform.add_plugins(TEST_PLUGINS)
    plugin = ni_platform.plugin(TINY)
    again = ni_platform.plugin(TINY)

    assert [*plugin.stream({"value": 21.0}), *again.stream()] == [
        {"doubled": 42.0},
        {"doubled": 4.0},
    ]
    assert len(list(ni_platform.log_folder.glob("*.log"))) == 1
