"""The pages of the simulated instruments match the installed packages; their examples work."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nidcpower
import nidigital
import nidmm
import nifgen
import pytest
from click.testing import CliRunner
from device_sim import DeviceSimError, ManualClock, coverage
from device_sim.bench import Bench
from device_sim.cli import main
from every_driver import DRIVERS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = DOCS / "instruments.md"
TABLES = DOCS / "reference" / "instrument-coverage.md"


in_repository = pytest.mark.skipif(
    not DOCS.exists(), reason="the package is tested outside its repository"
)


def example(language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]


@in_repository
def test_the_first_example_prints_what_the_document_says(capsys):
    exec(example("python"), {})
    assert "voltage=2.0, current=0.001" in capsys.readouterr().out


@in_repository
def test_the_bench_of_the_document_is_a_bench(bench_file):
    bench = Bench.load(bench_file(example("toml")), ManualClock())
    assert sorted(bench.parts) == ["Rload0", "Rload1", "Rload2", "Rload3"]


@in_repository
def test_the_tables_are_up_to_date():
    result = CliRunner().invoke(main, ["coverage", str(TABLES), "--check"])
    assert result.exit_code == 0, result.output


def test_the_tables_are_printed_when_no_document_is_named():
    result = CliRunner().invoke(main, ["coverage"])
    assert result.output == coverage.tables() + "\n"


def test_an_outdated_document_is_noticed_and_updated(tmp_path):
    document = tmp_path / "tables.md"
    document.write_text(f"Before.\n\n{coverage.BEGIN}\nold\n{coverage.END}\n\nAfter.\n")
    assert CliRunner().invoke(main, ["coverage", str(document), "--check"]).exit_code == 1
    assert CliRunner().invoke(main, ["coverage", str(document)]).exit_code == 0
    assert CliRunner().invoke(main, ["coverage", str(document), "--check"]).exit_code == 0
    content = document.read_text()
    assert content.startswith("Before.\n")
    assert content.endswith("After.\n")


def test_a_document_without_markers_is_refused():
    with pytest.raises(DeviceSimError, match="needs the lines"):
        coverage.updated("nothing")


def test_json_has_what_the_reports_have():
    result = CliRunner().invoke(main, ["coverage", "--json"])
    found = {item["driver"]: item for item in json.loads(result.output)}
    assert found.keys() == DRIVERS.keys()
    for report in coverage.reports():
        told = found[report.driver]
        assert told["counts"] == report.counts
        assert sum(told["counts"].values()) == len(told["calls"]) == len(report.calls)
        assert {c["name"]: c["depth"] for c in told["calls"]} == {
            call.name: call.depth for call in report.calls
        }
        assert [a["name"] for a in told["attributes"]] == [a.name for a in report.attributes]


def test_json_does_not_go_with_a_document(tmp_path):
    document = tmp_path / "tables.md"
    document.write_text("text")
    result = CliRunner().invoke(main, ["coverage", "--json", str(document)])
    assert result.exit_code == 2
    assert "Leave one of them out." in result.output


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda d: d.name)
def test_what_the_data_says_of_calls_and_attributes_names_existing_ones(driver):
    calls = driver.folder.read("calls.toml")
    plain = {rpc.removesuffix("WithChannels") for rpc in driver.rpcs if driver.simulates(rpc)}
    assert set(calls.get("bench", ())) <= plain
    assert set(calls.get("unverified", {})) <= set(driver.rpcs)
    attributes = driver.folder.read("attributes.toml")
    assert set(attributes.get("unverified", {})) <= {a.name for a in driver.describe_attributes()}


@pytest.mark.parametrize("package", [nidcpower, nidigital, nidmm, nifgen], ids=lambda p: p.__name__)
def test_every_call_that_the_python_package_makes_is_simulated(package):
    driver = DRIVERS[package.__name__]
    made = {rpc for rpcs in coverage.rpcs_by_method(package).values() for rpc in rpcs}
    refused_by_package = {rpc for rpc in made if rpc not in driver.rpcs}
    assert {rpc for rpc in made - refused_by_package if not driver.simulates(rpc)} == set()
    assert len(made) > 30


def test_a_methods_calls_are_found_through_helpers():
    rpcs = coverage.rpcs_by_method(nidcpower)
    assert rpcs["initiate"] == ["InitiateWithChannels"]
    assert rpcs["get_channel_names"] == ["GetChannelNameFromString"]
    assert rpcs["configure_lcr_compensation"] == ["configure_lcr_compensation"]
    assert coverage.rpcs_by_method(nidmm)["read"] == ["Read"]
