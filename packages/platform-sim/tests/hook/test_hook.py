"""Unmodified processes with NI's SDK find the platform."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from capabilities import needs_hook, needs_ipv6
from platform_process import clean_environment
from platform_sim.hook import hooked_environment, inject_folder
from plugin_folders import TEST_PLUGINS

FIND_PLATFORM = """
    from ni.measurementlink.discovery.v1.client import DiscoveryClient
    print([node.url for node in DiscoveryClient().enumerate_compute_nodes()])
"""


def run(script, environment, *options, python=sys.executable):
    done = subprocess.run(
        [python, *options, "-c", textwrap.dedent(script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def without_platform(**variables):
    """Return an environment with the hook but without a platform."""
    environment = hooked_environment("", clean_environment())
    del environment["PLATFORM_SIM_DISCOVERY"]
    return {**environment, "XDG_RUNTIME_DIR": "/nonexistent", **variables}


def write_state(file, pid, address):
    state = {"pid": pid, "discovery_address": address, "device_server_address": ""}
    file.write_text(json.dumps(state))


def test_an_unmodified_client_finds_the_platform_of_its_environment(ni_platform):
    assert run(FIND_PLATFORM, ni_platform.environment()) == "['localhost']\n"


@needs_hook
def test_an_unmodified_client_finds_the_platform_of_a_state_file(ni_platform, tmp_path):
    file = tmp_path / "state.json"
    write_state(file, os.getpid(), ni_platform.discovery_address)
    environment = without_platform(PLATFORM_SIM_STATE_FILE=str(file))
    assert run(FIND_PLATFORM, environment) == "['localhost']\n"


@needs_hook
def test_the_environments_address_wins_over_the_state_file(ni_platform, tmp_path):
    file = tmp_path / "state.json"
    write_state(file, os.getpid(), "127.0.0.1:1")
    environment = {**ni_platform.environment(), "PLATFORM_SIM_STATE_FILE": str(file)}
    assert run(FIND_PLATFORM, environment) == "['localhost']\n"


REGISTER = """
    import logging
    logging.basicConfig()
    from ni.measurementlink.discovery.v1.client import DiscoveryClient, ServiceInfo, ServiceLocation
    info = ServiceInfo("test.Class", "", ["test.Interface"], {}, "Test", [])
    DiscoveryClient().register_service(info, ServiceLocation("localhost", "1", ""))
"""


@needs_hook
@pytest.mark.parametrize("state", ["none", "of a dead process", "not JSON"])
def test_without_a_platform_the_sdk_says_that_discovery_is_not_running(tmp_path, state):
    file = tmp_path / "state.json"
    if state == "of a dead process":
        ended = subprocess.Popen([sys.executable, "-c", ""])
        ended.wait()
        write_state(file, ended.pid, "127.0.0.1:1")
    elif state == "not JSON":
        file.write_text("{")
    output = run(REGISTER, without_platform(PLATFORM_SIM_STATE_FILE=str(file)))
    assert "Possible reason: discovery service not running." in output
    assert "platform-sim up" in output


MODULES = "import sys; print('\\n'.join(sys.modules))"
LIGHT = {"__future__", "sitecustomize", "platform_sim_shim"}
OF_SYSTEM = "/usr/bin/python3"
HAS_ONE = sys.platform == "linux" and Path(OF_SYSTEM).exists()
PYTHONS = [sys.executable, *([OF_SYSTEM] if HAS_ONE else [])]
"""The Python of Debian and Ubuntu has a sitecustomize of its own, which the hook runs too."""


@pytest.mark.parametrize("options", [[], ["-S"]])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_hook_imports_next_to_nothing_at_start(python, options):
    plain = run(MODULES, clean_environment(), *options, python=python).split()
    hooked = run(MODULES, without_platform(), *options, python=python).split()
    added = {name.partition(".")[0] for name in set(hooked) - set(plain)}
    assert added <= LIGHT


def test_a_module_of_the_sdk_that_is_imported_again_finds_the_platform_again(ni_platform):
    script = """
        import sys
        import ni.measurementlink.discovery.v1.client
        for name in [name for name in sys.modules if "discovery.v1.client" in name]:
            del sys.modules[name]
    """
    script = textwrap.dedent(script) + textwrap.dedent(FIND_PLATFORM)
    assert run(script, ni_platform.environment()) == "['localhost']\n"


@needs_hook
def test_replaced_modules_keep_their_loader_and_source(ni_platform):
    script = """
        import inspect
        from ni.measurementlink.discovery.v1.client import _support
        has_source = "def _start_service" in inspect.getsource(_support)
        print(type(_support.__loader__).__name__, has_source)
    """
    assert run(script, ni_platform.environment()) == "SourceFileLoader True\n"


def test_an_existing_sitecustomize_runs_too(ni_platform, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('mine', __name__)\n")
    base = {**clean_environment(), "PYTHONPATH": str(tmp_path)}
    environment = hooked_environment(ni_platform.discovery_address, base)
    assert run(FIND_PLATFORM, environment) == "mine sitecustomize\n['localhost']\n"


def test_a_process_has_the_path_and_the_sitecustomize_that_it_has_without_the_hook(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.path.append('/of/a/user')\n")
    base = {**clean_environment(), "PYTHONPATH": str(tmp_path)}
    script = "import sys, sitecustomize; print(sitecustomize.__file__, sys.path)"
    plain = run(script, base)
    assert "/of/a/user" in plain
    assert run(script, hooked_environment("", base)) == plain


def test_an_error_in_an_existing_sitecustomize_is_reported_as_python_does(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import not_there\n")
    base = {**clean_environment(), "PYTHONPATH": str(tmp_path)}
    told = run("print('runs')", hooked_environment("", base))
    assert told == run("print('runs')", base)
    assert "No module named 'not_there'" in told


def test_the_hook_is_first_on_the_path_and_only_once():
    once = hooked_environment("a", {"PYTHONPATH": "x"})
    twice = hooked_environment("b", once)
    assert twice["PYTHONPATH"] == os.pathsep.join([str(inject_folder()), "x"])
    assert twice["PLATFORM_SIM_DISCOVERY"] == "b"


def test_on_windows_the_hook_does_nothing():
    script = f"""
        import sys
        sys.platform = "win32"
        sys.path.insert(0, {str(inject_folder())!r})
        before = list(sys.meta_path)
        import platform_sim_shim
        platform_sim_shim.install()
        print(sys.meta_path == before)
    """
    assert run(script, clean_environment()).strip() == "True"


HOST_PLUGIN = f"""
    import sys
    sys.path.insert(0, {str(TEST_PLUGINS / "tiny")!r})
    import tiny
    with tiny.service.host_service() as service:
        import socket
        from plugin_kit.calling import MeasurementPlugin
        import os
        plugin = MeasurementPlugin.resolve(
            "platform_sim.tests.Tiny", discovery_address=os.environ["PLATFORM_SIM_DISCOVERY"]
        )
        port = int(service.service_location.insecure_port)
        def listens(family, host):
            try:
                with socket.socket(family) as probe:
                    probe.connect((host, port))
                return True
            except OSError:
                return False
        print(
            list(plugin.stream()),
            listens(socket.AF_INET, "127.0.0.1"),
            listens(socket.AF_INET6, "::1"),
        )
"""


@needs_ipv6
def test_with_ipv6_the_sdks_server_stays_where_it_is(ni_platform):
    assert run(HOST_PLUGIN, ni_platform.environment()) == "[{'doubled': 4.0}] False True\n"


WITHOUT_IPV6 = """
    import socket
    real = socket.socket
    class NoIPv6(real):
        def __init__(self, family=-1, *args, **kwargs):
            if family == socket.AF_INET6:
                raise OSError(97, "Address family not supported by protocol")
            super().__init__(family, *args, **kwargs)
    socket.socket = NoIPv6
"""


@needs_hook
def test_where_ipv6_cannot_be_bound_the_sdks_server_moves_to_ipv4(ni_platform):
    # Only Python's sockets see this; the test below switches the kernel's IPv6 off.
    script = textwrap.dedent(WITHOUT_IPV6) + textwrap.dedent(HOST_PLUGIN)
    assert run(script, ni_platform.environment()) == "[{'doubled': 4.0}] True False\n"


def in_network_without_ipv6(command):
    setup = "ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
    return ["unshare", "--net", "sh", "-c", f'{setup} && exec "$@"', "sh", *command]


def can_make_networks():
    try:
        done = subprocess.run(
            in_network_without_ipv6(["true"]), capture_output=True, timeout=60, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


@needs_hook
@pytest.mark.skipif(not can_make_networks(), reason="needs root for a network namespace")
def test_platform_and_plugin_work_in_a_network_without_ipv6():
    script = f"""
        from pathlib import Path
        from platform_sim.platform import Platform, PlatformOptions
        from plugin_kit.calling import MeasurementPlugin
        options = PlatformOptions(plugin_folders=(Path({str(TEST_PLUGINS)!r}),))
        with Platform(options) as platform:
            with MeasurementPlugin.resolve(
                "platform_sim.tests.Tiny", discovery_address=platform.discovery_address
            ) as plugin:
                print(list(plugin.stream()))
    """
    command = in_network_without_ipv6([sys.executable, "-c", textwrap.dedent(script)])
    done = subprocess.run(
        command,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "[{'doubled': 4.0}]\n", done.stderr
