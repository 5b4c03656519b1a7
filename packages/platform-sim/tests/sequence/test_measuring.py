"""Measurement and pin map steps, with plug-ins on a platform."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from platform_sim.cli import main
from platform_sim.platform import Platform, PlatformOptions
from plugin_folders import TEST_PLUGINS, write_script_plugin
from plugin_kit.calling import PlatformClient

if TYPE_CHECKING:
    from conftest import Bench

TELLS_SITES = """
    from pathlib import Path
    import ni_measurement_plugin_sdk_service as nims

    service = nims.MeasurementService(
        service_config_path=Path(__file__).with_name("plugin.serviceconfig"))

    def sites():
        return list(service.context.pin_map_context.sites)

    @service.register_measurement
    @service.configuration("fail_on", nims.DataType.Int32, -1)
    @service.output("site", nims.DataType.{kind})
    def measure(fail_on):
        if fail_on in sites():
            raise RuntimeError("no signal")
        return ({result},)

    with service.host_service():
        input()
"""
PIN_MAP = """<?xml version="1.0" encoding="utf-8"?>
<PinMap schemaVersion="1.6" xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd">
  <Instruments><NIDmmInstrument name="DMM1" /></Instruments>
  <Pins><DUTPin name="Pin1" /></Pins>
  <Sites>{sites}</Sites>
  <Connections><Connection pin="Pin1" siteNumber="{numbers}" instrument="DMM1" channel="0" />
  </Connections>
</PinMap>
"""
UPDATE = """
file_globals = { Map = "maps/Sites.pinmap" }
locals = { Got = "" }
[[setup]]
name = "pin map"
pin_map = "FileGlobals.Map"
"""

SCALAR = """
[[main]]
name = "per site"
measurement = "test.Scalar"
outputs = [{ name = "site", type = "int32" }]
"""


def pin_map(path: Path, count: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    numbers = [str(number) for number in range(count)]
    sites = "".join(f'<Site siteNumber="{number}" />' for number in numbers)
    path.write_text(PIN_MAP.format(sites=sites, numbers=",".join(numbers)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("plugins")
    for name, kind, result in (
        ("Scalar", "Int32", "sites()[0] if sites() else -1"),
        ("Array", "Int32Array1D", "sites()"),
        ("PinMap", "String", "service.context.pin_map_context.pin_map_id"),
    ):
        script = TELLS_SITES.format(kind=kind, result=result)
        write_script_plugin(folder / name, f"test.{name}", script, version="1.2.3")
    options = PlatformOptions(
        plugin_folders=(folder, TEST_PLUGINS), log_folder=folder / "logs", has_device_server=False
    )
    with Platform(options) as platform:
        yield platform.discovery_address


def test_values_of_every_type_reach_the_plugin_and_come_back(bench: Bench, address: str) -> None:
    inputs = """
      { name = "i32", type = "int32", value = "-3" },
      { name = "u64", type = "uint64", value = "9223372036854775808ui64" },
      { name = "double", type = "double", value = "6" },
      { name = "flag", type = "bool", value = "False" },
      { name = "text", type = "string", value = '"a" + "b"' },
      { name = "path", type = "path", value = '"C:\\\\x"' },
      { name = "resource", type = "ioresource", value = '"Pin7"' },
      { name = "color", type = "enum", value = "2i64" },
      { name = "i32s", type = "int32[]", value = "{1, 2}" },
      { name = "doubles", type = "double[]", value = "{Locals.Got, 2i64}" },
      { name = "flags", type = "bool[]", value = "{True, 1 > 2}" },
      { name = "resources", type = "ioresource[]", value = '{"A", "B"}' },
    """
    result = bench.run(
        f"""
        locals = {{ Got = 1.5, Back = "" }}
        [[main]]
        name = "echo"
        measurement = "platform_sim.tests.Echo"
        inputs = [{inputs}]
        outputs = [{{ name = "texts", type = "string[]", value = "Locals.Back" }}]
        status_expression = 'Locals.Back[1] == "b,c"'
        """,
        discovery_address=address,
    )

    assert bench.trace(result) == ["Main echo: Passed"], result.steps[0].message
    outputs = result.steps[0].measurements[0].outputs
    assert outputs["i32"] == -3
    assert outputs["u64"] == 2**63
    assert outputs["double"] == 6.0
    assert outputs["flag"] is False
    assert outputs["text"] == "ab"
    assert outputs["path"] == r"C:\x"
    assert outputs["resource"] == "Pin7"
    assert outputs["color"] == "RED"
    assert outputs["i32s"] == [1, 2]
    assert outputs["doubles"] == [1.5, 2.0]
    assert outputs["flags"] == [True, False]
    assert outputs["resources"] == ["A", "B"]


def test_scalar_outputs_are_measured_once_per_site(bench: Bench, address: str) -> None:
    pin_map(bench.folder / "maps" / "Sites.pinmap", 3)

    result = bench.run(
        UPDATE
        + """
        [[main]]
        name = "per site"
        measurement = "test.Scalar"
        outputs = [{ name = "site", type = "int32", value = "Locals.Got" }]
        status_expression = "Locals.Got[2] == 2"
        """,
        discovery_address=address,
    )

    assert bench.trace(result)[-1] == "Main per site: Passed", result.steps[-1].message
    measured = [(one.site, one.outputs["site"]) for one in result.steps[-1].measurements]
    assert measured == [(0, 0), (1, 1), (2, 2)]


def test_array_outputs_are_measured_once_for_all_sites(bench: Bench, address: str) -> None:
    pin_map(bench.folder / "maps" / "Sites.pinmap", 3)

    result = bench.run(
        UPDATE
        + """
        [[main]]
        name = "all"
        measurement = "test.Array"
        version = "1.2.3"
        outputs = [{ name = "site", type = "int32[]" }]
        """,
        discovery_address=address,
    )

    measured = [(one.site, one.outputs["site"]) for one in result.steps[-1].measurements]
    assert measured == [(None, [0, 1, 2])]


@pytest.mark.parametrize(("sites", "measured"), [((2,), [2]), ((2, 0), [2, 0])])
def test_sites_of_the_user_are_the_ones_that_are_measured(
    bench: Bench, address: str, sites: tuple[int, ...], measured: list[int]
) -> None:
    pin_map(bench.folder / "maps" / "Sites.pinmap", 3)

    result = bench.run(UPDATE + SCALAR, discovery_address=address, sites=sites)

    assert [one.outputs["site"] for one in result.steps[-1].measurements] == measured


def test_the_command_line_takes_sites(bench: Bench, address: str) -> None:
    pin_map(bench.folder / "maps" / "Sites.pinmap", 3)
    path = str(bench.sequence(UPDATE + SCALAR))

    done = CliRunner().invoke(
        main, ["run", path, "--sites", "2,0", "--json"], env={"PLATFORM_SIM_DISCOVERY": address}
    )

    measured = json.loads(done.stdout)["steps"][-1]["measurements"]
    assert [one["site"] for one in measured] == [2, 0]


def test_a_site_that_the_pin_map_lacks_is_an_error_of_the_step(bench: Bench, address: str) -> None:
    pin_map(bench.folder / "maps" / "Sites.pinmap", 2)

    result = bench.run(UPDATE + SCALAR, discovery_address=address, sites=(0, 7))

    told = 'Pin map does not contain site numbers: "7". It has "0", "1".'
    assert result.steps[-1].message == told


def test_a_pin_map_of_the_user_takes_the_place_of_the_one_in_the_file(
    bench: Bench, address: str, tmp_path: Path
) -> None:
    pin_map(bench.folder / "maps" / "Sites.pinmap", 3)

    result = bench.run(
        UPDATE + SCALAR,
        discovery_address=address,
        pin_map=pin_map(tmp_path / "Two.pinmap", 2),
    )

    assert [one.site for one in result.steps[-1].measurements] == [0, 1]


def test_a_pin_map_that_a_code_module_handed_over_is_the_active_one(
    bench: Bench, address: str
) -> None:
    """Older measurement examples have a step for this."""
    bench.module(
        "older.py",
        "def update(context):\n"
        "    variables = context.Engine.TemporaryGlobals\n"
        "    variables.SetValString('NI.MeasurementLink.PinMapId', 0x1, 'older')\n",
    )

    result = bench.run(
        """
        [[setup]]
        name = "pin map"
        module = "older.py"
        function = "update"
        arguments = { sequence_context = "ThisContext" }
        [[main]]
        name = "measure"
        measurement = "test.PinMap"
        outputs = [{ name = "site", type = "string" }]
        """,
        discovery_address=address,
    )

    assert result.passed, result.bad_steps
    assert result.steps[1].measurements[0].outputs["site"] == "older"


def test_the_sites_of_a_pin_map_that_a_code_module_loaded_are_measured(
    bench: Bench, address: str
) -> None:
    """Scalars are measured once for each site, arrays once for all sites."""
    pin_map_id = str(pin_map(bench.folder / "maps" / "Sites.pinmap", 3))
    with PlatformClient(address) as platform:
        platform.load_pin_map(Path(pin_map_id))
    bench.module(
        "older.py",
        "def update(context):\n"
        "    variables = context.Engine.TemporaryGlobals\n"
        f"    variables.SetValString('NI.MeasurementLink.PinMapId', 0x1, {pin_map_id!r})\n",
    )

    result = bench.run(
        f"""
        [[setup]]
        name = "pin map"
        module = "older.py"
        function = "update"
        arguments = {{ sequence_context = "ThisContext" }}
        [[main]]
        name = "all"
        measurement = "test.Array"
        outputs = [{{ name = "site", type = "int32[]" }}]
        {SCALAR}
        """,
        discovery_address=address,
    )

    _, once, per_site = result.steps
    assert [one.outputs["site"] for one in once.measurements] == [[0, 1, 2]]
    assert [one.outputs["site"] for one in per_site.measurements] == [0, 1, 2]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ('measurement = "test.Missing"', "test.Missing"),
        ('measurement = "test.Scalar"\nversion = "9.9.9"', "9.9.9"),
        (
            'measurement = "test.Scalar"\ninputs = [{ name = "x", type = "double", value = "1" }]',
            "no parameter 'x'.*fail_on",
        ),
        (
            'measurement = "test.Scalar"\n'
            'inputs = [{ name = "fail_on", type = "int32", value = "1.5" }]',
            "parameter fail_on needs a whole number",
        ),
        (
            'measurement = "test.Scalar"\n'
            'inputs = [{ name = "fail_on", type = "int32", value = "1" }]\n'
            'outputs = [{ name = "site", type = "int32" }]',
            "site 1: UNKNOWN: .*no signal",
        ),
        ("pin_map = '\"missing.pinmap\"'", "missing.pinmap cannot be read: No such file"),
        ("pin_map = 'Locals.Got'", "not a path"),
        pytest.param(
            "pin_map = '\"D:\\maps\\A.pinmap\"'",
            "absolute Windows path",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="Windows has such paths"),
        ),
    ],
)
def test_a_failed_measurement_is_an_error_of_the_step_and_cleanup_runs(
    bench: Bench, address: str, step: str, message: str
) -> None:
    pin_map(bench.folder / "maps" / "Sites.pinmap", 2)

    result = bench.run(
        f"{UPDATE}[[main]]\nname = 'it'\n{step}\n[[cleanup]]\nname = 'close'\n",
        discovery_address=address,
    )

    assert bench.trace(result)[1:] == ["Main it: Error", "Cleanup close: Done"]
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(result.steps[1].message)


def test_without_a_platform_the_step_says_so(bench: Bench) -> None:
    result = bench.run("[[main]]\nname = 'it'\nmeasurement = 'test.Scalar'\n")

    assert "No platform answers at 127.0.0.1:1" in result.steps[0].message
