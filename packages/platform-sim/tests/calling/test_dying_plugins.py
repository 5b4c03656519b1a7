"""A plug-in that ends while it measures: its caller gets the reason, and does not wait."""

from __future__ import annotations

import sys

import pytest
from capabilities import needs_hook
from platform_process import invoke
from platform_sim.hook.inject import platform_sim_shim
from plugin_folders import write_script_plugin
from plugin_kit import PluginCallError
from plugin_kit.calling import extensions

DYING = """
    import os, signal, sys
    from pathlib import Path
    import ni_measurement_plugin_sdk_service as nims

    service = nims.MeasurementService(
        service_config_path=Path(__file__).with_name("plugin.serviceconfig"), ui_file_paths=[]
    )

    def stream():
        yield (1.0,)
        sys.exit(3)

    WAYS = {
        "exit": lambda: sys.exit(3),
        "stop": lambda: sys.exit("no fixture"),
        "quit": lambda: sys.exit(),
        "interrupt": lambda: _raise(KeyboardInterrupt()),
        "stream": stream,
        "_exit": lambda: os._exit(7),
        "kill": lambda: os.kill(os.getpid(), getattr(signal, "SIGKILL", 15)),
        "error": lambda: _raise(ValueError("the probe fell off")),
        "no": lambda: (1.0,),
    }

    def _raise(error):
        raise error

    @service.register_measurement
    @service.configuration("way", nims.DataType.String, "no")
    @service.output("number", nims.DataType.Double)
    def measure(way):
        print("about to", way, flush=True)
        return WAYS[way]()

    with service.host_service():
        input()
"""


@pytest.fixture
def measure(ni_platform, tmp_path):
    write_script_plugin(tmp_path / "dying", "test.Dying", DYING)
    ni_platform.add_plugins(tmp_path)

    def measure(way):
        return list(ni_platform.plugin("test.Dying").stream({"way": way}))

    return measure


@needs_hook
@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("exit", "measure left by sys.exit(3)"),
        ("stop", "measure left by sys.exit('no fixture')"),
        ("quit", "measure left by sys.exit()"),
        ("stream", "measure left by sys.exit(3)"),
        ("interrupt", "measure left by KeyboardInterrupt()"),
    ],
)
def test_a_measurement_that_exits_ends_with_the_exit_code_and_the_plugins_output(
    measure, way, told
):
    with pytest.raises(PluginCallError) as caught:
        measure(way)
    assert told in str(caught.value)
    assert f"about to {way}" in str(caught.value)
    assert measure("no") == [{"number": 1.0}]


def test_callers_recognise_the_error_text_of_the_hook():
    assert platform_sim_shim.LEFT_BY == extensions.LEFT_BY


KILLED = "exit code 15" if sys.platform == "win32" else "signal SIGKILL"


@pytest.mark.parametrize(("way", "told"), [("_exit", "exit code 7"), ("kill", KILLED)])
def test_a_plugin_that_dies_is_reported_with_its_exit_code_and_its_output(measure, way, told):
    with pytest.raises(PluginCallError) as caught:
        measure(way)
    assert f"The plug-in ended with {told}. Its last output (" in str(caught.value)
    assert str(caught.value).endswith(f"about to {way}")
    assert measure("no") == [{"number": 1.0}]


def test_an_error_of_a_measurement_is_reported_in_a_line(measure):
    with pytest.raises(PluginCallError, match=r"the probe fell off$"):
        measure("error")


def test_the_command_reports_how_a_plugin_ended(ni_platform, measure):
    assert measure("no")
    arguments = ("measure", "test.Dying", "--set", "way=_exit")
    result = invoke(*arguments, address=ni_platform.discovery_address)
    assert result.exit_code == 1
    assert "The plug-in ended with exit code 7. Its last output (" in result.output
