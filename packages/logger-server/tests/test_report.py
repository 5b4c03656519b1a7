"""The report separates values that cannot be compared, and counts every value."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from json_logger_client.encoding import encode_record
from json_logger_server.cli import main

pytest.importorskip("plotly")


def run(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def write(path: Path, *records: tuple[str, dict[str, Any], dict[str, Any]]) -> Path:
    """Write a log as our client and server do."""
    lines = [json.loads(encode_record(*record).line) for record in records]
    numbered = ({**line, "seq": n, "client": "c"} for n, line in enumerate(lines, start=1))
    path.write_text("".join(json.dumps(line) + "\n" for line in numbered))
    return path


def told(path: Path, *options: str) -> list[dict[str, Any]]:
    """Return the measurements in the report's tables for programs."""
    found: list[dict[str, Any]] = json.loads(run("report", path, "--json", *options))[
        "measurements"
    ]
    return found


def page(path: Path, *options: str) -> str:
    """Return the page without the code of plotly."""
    run("report", path, *options)
    text = path.with_name(f"{path.name}.html").read_text(encoding="utf-8")
    return re.sub(r"<script>.*?</script>", "", text, count=1, flags=re.S)


def reading(value: float, unit: str) -> dict[str, Any]:
    return {
        "measurement_sites": [0],
        "measurement_pin_names": ["DMMPin"],
        "measured_value": value,
        "units": {"measured_value": unit},
    }


def test_values_of_different_units_are_never_averaged(tmp_path: Path) -> None:
    readings = [(5.0, "V"), (5.2, "V"), (999.85, "Ohm")]
    path = write(tmp_path / "a.ndjson", *(("DMM", {}, reading(*r)) for r in readings))
    (measurement,) = told(path)
    found = [(o["unit"], o["places"]["DMMPin, site 0"]["mean"]) for o in measurement["outputs"]]
    assert found == [("V", pytest.approx(5.1)), ("Ohm", 999.85)]
    html = page(path)
    assert "measured_value (V)" in html
    assert "<td>999.85</td><td>Ohm</td>" in html


def test_records_are_separated_by_the_chosen_configurations(tmp_path: Path) -> None:
    records = [("leak", {"voltage": v, "pin": "A"}, {"i": v * 2}) for v in (1, 3.3, 1, 3.3)]
    path = write(tmp_path / "a.ndjson", *records)
    assert [m["records"] for m in told(path)] == [4]
    apart = [(m["condition"], m["records"]) for m in told(path, "--by", "voltage")]
    assert apart == [("voltage = 1", 2), ("voltage = 3.3", 2)]
    assert "<h2>leak, voltage = 3.3</h2>" in page(path, "--by", "voltage")


def test_names_that_differ_only_in_signs_or_scripts_have_ids_of_their_own(tmp_path: Path) -> None:
    names = ("Strom", "温度", "電圧", "a b", "a-b", "a/b")
    html = page(write(tmp_path / "a.ndjson", *((name, {}, {"v": 1}) for name in names)))
    ids = re.findall(r'<section id="([^"]+)"', html)
    assert len(set(ids)) == len(names)
    assert re.findall(r'<a href="#([^"]+)"', html) == ids


def test_values_that_are_not_numbers_are_counted_and_do_not_change_the_mean(tmp_path: Path) -> None:
    values = [1.0, math.nan, 3.0, math.inf, None]
    path = write(
        tmp_path / "a.ndjson", *(("leak", {}, {"i": value, "list": [value]}) for value in values)
    )
    (measurement,) = told(path)
    for output, place in zip(measurement["outputs"], ("", "[0]"), strict=True):
        found = output["places"][place]
        assert (found["count"], found["mean"], found["missing"]) == (2, 2.0, 3)
    assert "<th>no number</th>" in page(path)


def test_text_outputs_and_configurations_are_shown(tmp_path: Path) -> None:
    records = [
        ("leak", {"voltage": n % 2, "mode": "fast"}, {"verdict": "FAIL" if n % 3 else "PASS"})
        for n in range(9)
    ]
    path = write(tmp_path / "a.ndjson", *records)
    (measurement,) = told(path)
    assert measurement["configurations"] == {"voltage": {"0": 5, "1": 4}, "mode": {"fast": 9}}
    assert measurement["outputs"][0]["texts"] == {"": {"FAIL": 6, "PASS": 3}}
    html = page(path)
    assert "FAIL (6 times) · PASS (3 times)" in html
    assert re.search(r"<td[^>]*>mode</td><td[^>]*>fast</td>", html)


def test_a_text_with_very_many_values_is_counted_and_not_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *(("m", {}, {"id": f"n{n}"}) for n in range(1200)))
    (measurement,) = told(path)
    assert sum(measurement["outputs"][0]["texts"][""].values()) == 1200
    assert "and more than 994 others" in page(path)


def test_two_logs_that_differ_in_their_suffix_have_a_page_each(tmp_path: Path) -> None:
    for name in ("a.ndjson", "a.log"):
        page(write(tmp_path / name, ("m", {}, {"v": 1})))
    assert sorted(path.name for path in tmp_path.glob("*.html")) == [
        "a.log.html",
        "a.ndjson.html",
    ]


def test_numbers_at_the_ends_of_their_range_have_a_mean(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *[("m", {}, {"v": 1.7e308})] * 3)
    assert told(path)[0]["outputs"][0]["places"][""]["mean"] == pytest.approx(1.7e308)


def test_values_within_objects_have_the_names_of_their_paths(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", ("m", {}, {"fit": {"slope": 2, "ok": True}}))
    (measurement,) = told(path)
    assert [output["name"] for output in measurement["outputs"]] == ["fit.slope", "fit.ok"]
