"""The sessions of a plug-in are free after its death, and users see the process of a holder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from capabilities import needs_callers
from pin_map_xml import connection, dmm, pin_map_xml
from platform_process import DEADLINE, running_platform, wait_for_exit, wait_until
from platform_sim.hook import hooked_environment
from plugin_folders import write_script_plugin
from plugin_kit import PluginCallError
from plugin_kit.calling import MeasurementPlugin, PlatformClient

pytestmark = needs_callers

HOLDER = "test.Caller"
HOLDS = """
    import os, time
    from pathlib import Path
    import ni_measurement_plugin_sdk_service as nims

    service = nims.MeasurementService(
        service_config_path=Path(__file__).with_name("plugin.serviceconfig"))

    @service.register_measurement
    @service.configuration("mark", nims.DataType.Path, "")
    @service.output("session", nims.DataType.String)
    def measure(mark):
        with service.context.reserve_session(["A"]) as reservation:
            information = reservation.session_info
            if mark:
                management().register_sessions([information])
                Path(mark).write_text(str(os.getpid()))
                time.sleep(60)
            return (information.session_name,)

    def management():
        from ni.measurementlink.sessionmanagement.v1.client import SessionManagementClient
        return SessionManagementClient(discovery_client=service.discovery_client)

    with service.host_service():
        input()
"""
OUTSIDER = """
import sys, time
from ni.measurementlink.sessionmanagement.v1.client import PinMapContext, SessionManagementClient
client = SessionManagementClient()
with client.reserve_session(PinMapContext(sys.argv[1], None), ["A"]):
    print("held", flush=True)
    time.sleep(60)
"""
XML = pin_map_xml(
    instruments=[dmm("DMM1")], pins=["A"], connections=[connection("A", 0, "DMM1", 0)]
)


class Station:
    """A platform with a plug-in that holds a session until it is killed."""

    def __init__(self, platform, folder):
        self.platform = platform
        self.folder = folder
        self.address = platform.state.discovery_address
        file = folder / "Case.pinmap"
        file.write_text(XML)
        with PlatformClient(self.address) as client:
            self.pin_map_id = client.load_pin_map(file)

    def measure(self, mark=""):
        with MeasurementPlugin.resolve(HOLDER, discovery_address=self.address) as plugin:
            return list(plugin.stream({"mark": str(mark)}, pin_map_id=self.pin_map_id))

    def hold_and_kill(self):
        """Make the plug-in hold the session, kill it, and return its process id."""
        mark = self.folder / "mark"

        def hold():
            with pytest.raises(PluginCallError):
                self.measure(mark)

        thread = threading.Thread(target=hold)
        thread.start()
        wait_until(lambda: mark.exists() and mark.read_text() != "")
        pid = int(mark.read_text())
        psutil.Process(pid).kill()
        assert wait_for_exit(pid, DEADLINE)
        thread.join()
        return pid

    @contextmanager
    def outsider(self):
        """Yield a program that holds the session and that the platform did not start."""
        with subprocess.Popen(
            [sys.executable, "-c", OUTSIDER, self.pin_map_id],
            env=hooked_environment(self.address, os.environ),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout.readline() == "held\n"
                yield process
            finally:
                process.kill()

    def sessions(self):
        with PlatformClient(self.address) as client:
            return [one.session.name for one in client.sessions()]


@pytest.fixture
def station(tmp_path):
    """Return a function that starts a platform with options and returns its station."""
    write_script_plugin(tmp_path / "plugin", HOLDER, HOLDS)
    with ExitStack() as stack:

        def start(*options):
            started = running_platform(tmp_path, "--plugins", tmp_path, *options)
            return Station(stack.enter_context(started), tmp_path)

        yield start


def test_a_killed_plugin_does_not_block_its_successor(station):
    here = station()
    here.hold_and_kill()
    assert here.measure() == [{"session": "niDMM-DMM1"}]
    assert here.sessions() == []


def test_a_killed_plugin_under_a_start_script_does_not_block_its_successor(station):
    here = station()
    script = here.folder / "plugin" / "start.sh"
    script.write_text(f"'{sys.executable}' measurement.py; true\n")
    here.hold_and_kill()
    wait_until(lambda: here.sessions() == [])
    assert here.measure() == [{"session": "niDMM-DMM1"}]


def test_an_option_keeps_what_a_dead_plugin_held_as_nis_services_do(station):
    here = station("--keep-reservations")
    pid = here.hold_and_kill()

    told = rf"niDMM-DMM1 \(held by process {pid} \(.*measurement\.py\), dead\)"
    with pytest.raises(PluginCallError, match=told) as raised:
        here.measure()
    assert "'platform-sim reservations --free NAME'" in str(raised.value)

    assert f"process {pid} (" in here.platform.invoke("reservations").stdout
    here.platform.invoke("reservations", "--free", "niDMM-DMM1")
    assert here.measure() == [{"session": "niDMM-DMM1"}]
    assert here.sessions() == ["niDMM-DMM1"], "it is still registered"


def test_other_programs_are_reported_alive_and_dead(station):
    here = station()
    with here.outsider() as process:
        with pytest.raises(PluginCallError, match=rf"process {process.pid} \(.*\), alive"):
            here.measure()
        (row,) = json.loads(here.platform.invoke("reservations", "--json").stdout)
        assert (row["pid"], row["state"]) == (process.pid, "alive")
        assert row["program"].startswith(Path(sys.executable).name)
    process.wait()

    with pytest.raises(PluginCallError, match=rf"process {process.pid} \(.*\), dead"):
        here.measure()
    (row,) = json.loads(here.platform.invoke("reservations", "--json").stdout)
    assert (row["pid"], row["state"]) == (process.pid, "dead")
    line = here.platform.invoke("reservations").stdout
    assert f"process {process.pid} (" in line
    assert "), dead, since " in line


def test_sessions_of_others_are_not_freed_with_a_plugin(station):
    here = station()
    assert here.measure() == [{"session": "niDMM-DMM1"}]
    with here.outsider() as process:
        for plugin in psutil.Process(here.platform.process.pid).children(recursive=True):
            plugin.kill()
            assert wait_for_exit(plugin.pid, DEADLINE)
        with pytest.raises(PluginCallError, match=rf"process {process.pid} "):
            here.measure()
