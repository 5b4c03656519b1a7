"""A sequence that is made from the metadata of plug-ins is built, checked and run as it is."""

from __future__ import annotations

import math

import pytest
from platform_process import invoke, running_platform
from platform_sim.pin_map.draft import draft_pin_map
from platform_sim.pin_map.instrument_types import TYPE_OF_ELEMENT
from platform_sim.pin_map.parser import parse_pin_map
from platform_sim.pin_map.queries import query_pins
from platform_sim.pin_map.validator import refuse_unusable
from platform_sim.sequence.draft import expression_of
from platform_sim.sequence.expressions import evaluate
from platform_sim.sequence.model import Sequence, SequenceFile
from platform_sim.sequence.variables import ExecutionVariables
from plugin_folders import TEST_PLUGINS, TINY, write_script_plugin
from plugin_kit.calling import EnumValue

READS_A_DMM = """
from pathlib import Path
import ni_measurement_plugin_sdk_service as nims

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("plugin.serviceconfig"))


@service.register_measurement
@service.configuration("pin", nims.DataType.IOResource, "Out", instrument_type="niDMM")
@service.configuration("texts", nims.DataType.StringArray1D, ['a "b"', "c\\\\d"])
@service.output("volts", nims.DataType.Double)
def measure(pin, texts):
    with service.context.reserve_session(pin) as reservation:
        with reservation.initialize_nidmm_session() as connection:
            return (connection.session.read(),)


with service.host_service():
    input()
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform")
    write_script_plugin(folder / "dmm", "test.Dmm", READS_A_DMM)
    plugins = ("--plugins", TEST_PLUGINS, "--plugins", folder, "--log-dir", folder)
    with running_platform(folder, *plugins) as running:
        yield running


def test_it_is_built_checked_and_run_without_an_edit(platform, tmp_path):
    folder = tmp_path / "board"

    platform.invoke("new", "sequence", folder, "--plugin", "test.Dmm", "--plugin", TINY)
    platform.invoke("sequence", "build", folder / "board.toml")

    checked = platform.invoke("check", folder / "board.seq")
    assert "0 errors" in checked.output
    ran = platform.invoke("run", folder / "board.seq")
    assert "passed: 3 steps" in ran.output


def test_a_second_run_keeps_an_edited_description(platform, tmp_path):
    command = ("new", "sequence", tmp_path / "board", "--plugin", TINY)
    platform.invoke(*command)
    description = tmp_path / "board" / "board.toml"
    edited = description.read_text(encoding="utf-8") + "# mine\n"
    description.write_text(edited, encoding="utf-8")

    refused = platform.invoke(*command, exit_code=1)

    assert f"differs: {description}" in refused.output
    assert description.read_text(encoding="utf-8") == edited


def test_it_can_use_a_pin_map_that_exists(platform, tmp_path):
    maps = tmp_path / "maps"
    maps.mkdir()
    (maps / "Mine.pinmap").write_text(draft_pin_map({"Out": "niDMM"}), encoding="utf-8")
    folder = tmp_path / "board"

    platform.invoke(
        "new", "sequence", folder, "--plugin", "test.Dmm", "--pin-map", maps / "Mine.pinmap"
    )

    assert [path.name for path in folder.iterdir()] == ["board.toml"]
    assert r"'\"..\maps\Mine.pinmap\"'".replace('\\"', '"') in (folder / "board.toml").read_text()
    platform.invoke("sequence", "build", folder / "board.toml", "-o", folder / "Other.seq")
    platform.invoke("run", folder / "Other.seq")


def test_a_plug_in_that_does_not_exist_is_named(platform, tmp_path):
    done = platform.invoke(
        "new", "sequence", tmp_path / "board", "--plugin", "test.Nowhere", exit_code=1
    )
    assert "test.Nowhere" in done.output
    assert not (tmp_path / "board").exists()


def test_a_description_with_an_error_builds_nothing(tmp_path):
    file = tmp_path / "board.toml"
    file.write_text("[[main]]\nmodule = 'a.py'\n", encoding="utf-8")

    done = invoke("sequence", "build", file)

    assert done.exit_code == 1
    assert "has no name" in done.output
    assert not (tmp_path / "board.seq").exists()


@pytest.mark.parametrize(
    "value",
    [0.1, 10.0, -1e-9, 1e300, 7, True, False, "", 'a "b" \\ c', [1, 2], ["a", "b"], [True]],
)
def test_the_expression_of_a_default_has_its_value(value):
    sequence = Sequence("MainSequence")
    variables = ExecutionVariables(SequenceFile((sequence,)), sequence)
    assert evaluate(expression_of(value), variables) == value


def test_an_enum_is_written_by_its_number():
    assert expression_of(EnumValue("DC_VOLTS", 1)) == "1i64"


@pytest.mark.parametrize("value", [math.nan, math.inf, "two\nlines", [], [math.nan], None])
def test_a_default_that_no_expression_has_is_left_to_the_plug_in(value):
    assert expression_of(value) == ""


@pytest.mark.parametrize(
    "type_id",
    [*sorted({one.type_id for one in TYPE_OF_ELEMENT.values()} - {"niRelayDriver"}), "Mine"],
)
def test_a_drafted_pin_map_is_valid_and_connects_each_pin(type_id):
    pins = {"A": type_id, "B": type_id, "C": type_id, "Loose": ""}

    pin_map = parse_pin_map(draft_pin_map(pins))

    refuse_unusable(pin_map)
    assert {pin.name for pin in query_pins(pin_map)[0]} == pins.keys()
    assert {pin.name for pin in query_pins(pin_map, type_id)[0]} == {"A", "B", "C"}
