"""The sequence files of this folder, and how they are built."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from build_sequences import DESCRIPTION, VARIANTS, main, with_variant
from click.testing import CliRunner
from lxml import etree
from platform_sim.pin_map.parser import parse_pin_map
from platform_sim.pin_map.validator import refuse_unusable
from platform_sim.sequence.check import check_sequence_file
from platform_sim.sequence.description import parse_description, read_description
from platform_sim.sequence.description_writer import description_text
from platform_sim.sequence.property_tree import read_property_file
from platform_sim.sequence.seq_reader import read_sequence_file

TESTSTAND = DESCRIPTION.parent
LOCKED = "<protected>0123456789:;</protected>"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Write a file like one that TestStand saved: it defines types, three of them locked."""
    text = (TESTSTAND / "MeasureAndLogOneSite.seq").read_text(encoding="utf-8-sig")
    clear = "".join(
        f"<typedef><{name} classname='Obj'/></typedef>"
        for name in ("Action", "NI_PythonParameter", "PythonStepAdditions")
    )
    path = tmp_path / "Sample.seq"
    typelist = f"<typelist>\n\t\t{clear}{3 * LOCKED}\n\t</typelist>"
    text = text.replace("<typelist/>", typelist).replace("21.1.0.49154", "23.8.0.12345")
    path.write_text(text, encoding="utf-8")
    return path


def build(folder: Path, *options: str) -> list[Path]:
    result = CliRunner().invoke(main, [f"--output={folder}", *options])
    assert result.exit_code == 0, result.output
    return [folder / name for name in VARIANTS]


def test_the_files_here_are_what_the_description_builds(tmp_path: Path) -> None:
    for built in build(tmp_path):
        assert built.read_bytes() == (TESTSTAND / built.name).read_bytes(), (
            "run: python build_sequences.py"
        )


@pytest.mark.parametrize("name", VARIANTS)
def test_a_file_reads_back_as_the_description(name: str) -> None:
    described = with_variant(read_description(DESCRIPTION), VARIANTS[name])

    text = description_text(read_sequence_file(TESTSTAND / name))

    assert text == description_text(described)
    assert description_text(parse_description(text)) == text


@pytest.mark.parametrize("name", VARIANTS)
def test_a_file_passes_the_checks_that_need_no_plugin(name: str) -> None:
    findings = check_sequence_file(
        TESTSTAND / name, environment=os.environ, python=Path(sys.executable)
    )

    assert [str(finding) for finding in findings if finding.is_error] == []


@pytest.mark.parametrize(
    ("name", "sites"), [("OneSite", (0,)), ("FourSites", (0, 1, 2, 3)), ("Bench", (0, 1, 2, 3))]
)
def test_the_pin_maps_are_usable_and_share_one_log_over_their_sites(
    name: str, sites: tuple[int, ...]
) -> None:
    path = TESTSTAND / "pinmaps" / f"{name}.pinmap"
    pin_map = parse_pin_map(path.read_text(encoding="utf-8"))

    refuse_unusable(pin_map)
    assert pin_map.sites == sites
    assert pin_map.schema_version == "1.6"
    (log,) = [one for one in pin_map.connections if one.leaf == "LoggerPin"]
    assert log.sites == sites


def test_types_come_from_a_sample_that_the_users_teststand_saved(
    tmp_path: Path, sample: Path
) -> None:
    folder = tmp_path / "built"
    folder.mkdir()

    for built in build(folder, f"--types-from={sample}"):
        parsed = read_property_file(built)
        assert parsed.defined_types >= {"Action", "PythonStepAdditions"}
        assert parsed.locked_types == 3
        assert etree.parse(built).getroot().get("productversion") == "2021 SP1 (23.8.0.12345)"
        plain = read_sequence_file(TESTSTAND / built.name)
        assert read_sequence_file(built) == plain


def test_a_sample_without_the_needed_types_is_refused(tmp_path: Path, sample: Path) -> None:
    sample.write_text(sample.read_text().replace(LOCKED, "", 1))

    result = CliRunner().invoke(main, [f"--output={tmp_path}", f"--types-from={sample}"])

    assert result.exit_code == 1
    assert "does not define NI_Measurement" in result.output
