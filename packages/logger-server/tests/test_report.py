"""The report separates values that cannot be compared, and counts every value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from json_logger_client import Limits, RecordContext, SequencePlace, Uut
from json_logger_client.encoding import encode_record
from json_logger_client.records import make_filter
from json_logger_server.cli import main
from json_logger_server.report.histograms import histogram
from json_logger_server.report.reading import read_log
from json_logger_server.report.results import Bounds

pytest.importorskip("plotly")


def run(*arguments: object) -> str:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def write(path: Path, *records: tuple[Any, ...]) -> Path:
    """Write a log as our client and server do.

    Each record has its name, configurations and outputs, and may have a context.
    """
    encoded = [encode_record(*one[:3], context=one[3] if len(one) > 3 else None) for one in records]
    lines = [json.loads(record.line) for record in encoded]
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


def reading(value: float | None, site: int = 0) -> dict[str, Any]:
    return {
        "measurement_sites": [site],
        "measurement_pin_names": ["DMMPin"],
        "measured_value": value,
    }


def test_values_of_different_units_are_never_averaged(tmp_path: Path) -> None:
    readings = [(5.0, "V"), (5.2, "V"), (999.85, "Ohm")]
    units = [RecordContext(units={"measured_value": unit}) for _, unit in readings]
    records = [("DMM", {}, reading(v), u) for (v, _), u in zip(readings, units, strict=True)]
    path = write(tmp_path / "a.ndjson", *records)
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


def unit_records(serials: Iterable[int], current: Callable[[int, int], float]) -> list[Any]:
    """Return a record for each unit under test: a current on each of two sites."""
    return [
        (
            "leak",
            {},
            {
                "measurement_sites": [0, 1],
                "measurement_pin_names": ["A", "A"],
                "current": [current(serial, 0), current(serial, 1)],
            },
            RecordContext(
                units={"current": "A"},
                limits={"current": [Limits(1, 2), Limits(high=5, nominal=4)]},
                uut=Uut(f"SN{serial}"),
                station="station-1" if serial % 2 else "station-2",
                sequence=SequencePlace("A.seq", "leakage", str(serial)),
            ),
        )
        for serial in serials
    ]


def test_yield_and_failures_are_counted_by_limit_site_and_station(tmp_path: Path) -> None:
    records = unit_records(range(10), lambda serial, site: 1.5 if serial or site else 7.0)
    path = write(tmp_path / "a.ndjson", *records)
    results = json.loads(run("report", path, "--json"))["results"]
    assert results["records"] == {"failed": 1, "passed": 9}
    assert (results["units_under_test"], results["final_yield"]) == (10, 0.9)
    (limit,) = results["limits"]
    assert (limit["step"], limit["output"], limit["unit"]) == ("leakage", "current", "A")
    assert (limit["passed"], limit["failed"]) == (19, 1)
    assert limit["bounds"] == [
        {"low": 1.0, "high": 2.0, "nominal": None},
        {"low": None, "high": 5.0, "nominal": 4.0},
    ]
    assert results["sites"] == {"0": {"passed": 9, "failed": 1}, "1": {"passed": 10, "failed": 0}}
    assert results["stations"] == {
        "station-1": {"passed": 5, "failed": 0},
        "station-2": {"passed": 4, "failed": 1},
    }
    html = page(path)
    assert "90.0 %" in html
    assert "yield: 9 of 10 units" in html
    assert "Failures by step and limit" in html
    assert '<td class="text">1 to 2 · at most 5</td><td>20</td><td class="bad">1</td>' in html


def test_a_unit_that_passes_in_a_later_execution_counts_for_the_final_yield(
    tmp_path: Path,
) -> None:
    def tested(execution: str, value: float) -> tuple[Any, ...]:
        context = RecordContext(
            limits={"v": Limits(high=1)}, uut=Uut("SN1"), sequence=SequencePlace("", "", execution)
        )
        return "m", {}, {"v": value}, context

    records = [tested("1", 0.5), tested("1", 2.0), tested("1", 0.5), tested("2", 0.5)]
    path = write(tmp_path / "a.ndjson", *records)
    results = json.loads(run("report", path, "--json"))["results"]
    assert (results["first_pass_yield"], results["final_yield"]) == (0.0, 1.0)


def test_a_status_without_limits_is_a_failure_of_its_step(tmp_path: Path) -> None:
    context = RecordContext(status="error", sequence=SequencePlace("A.seq", "open the relay"))
    path = write(tmp_path / "a.ndjson", ("m", {}, {}, context), ("m", {}, {"v": 1}))
    results = json.loads(run("report", path, "--json"))["results"]
    assert results["records"] == {"error": 1}
    assert results["other_failures"] == [
        {"measurement": "m", "step": "open the relay", "status": "error", "records": 1}
    ]
    assert re.search(r"<td[^>]*>open the relay</td><td[^>]*>status error</td>", page(path))


def test_values_with_limits_have_a_distribution_and_a_trend_by_unit(tmp_path: Path) -> None:
    records = unit_records(range(50), lambda serial, site: 1 + serial / 40 + 3 * site)
    html = page(write(tmp_path / "a.ndjson", *records))
    assert "A, site 0: current (A) by unit under test" in html
    assert "A, site 0: distribution, limits 1 to 2" in html
    assert "A, site 1: distribution, limits at most 5" in html
    assert "SN49" in html
    assert "outside the limits" in html


def test_a_far_outlier_does_not_hide_the_distribution(tmp_path: Path) -> None:
    found = histogram({"A": [1.1, 1.2, 1.3, 1e9, -1e9]}, Bounds(1.0, 2.0))
    assert found is not None
    assert 0.02 < found.width < 0.1
    assert (found.below, found.above, sum(found.counts["A"])) == (1, 1, 5)
    assert found.texts[-1].startswith("above")


def test_a_missing_reading_fails_its_limits(tmp_path: Path) -> None:
    context = RecordContext(limits={"measured_value": Limits(high=1)})
    path = write(tmp_path / "a.ndjson", ("DMM", {}, reading(None, 3), context))
    results = json.loads(run("report", path, "--json"))["results"]
    assert results["sites"] == {"3": {"passed": 0, "failed": 1}}


def test_reserved_keys_of_any_kind_break_no_report(tmp_path: Path) -> None:
    plain = json.loads(encode_record("m", {}, {"v": [1, 2], "w": 3}).line)
    odd: list[Any] = [7, "x", None, [], {}, [[]], {"v": 7}, {"v": [{"low": "a"}, 3]}, {"v": {}}]
    odd += [{"v": {"low": 10**400}}, {"serial": 7, "step": 8, "execution": []}]
    keys = ("units", "limits", "status", "uut", "station", "sequence")
    path = tmp_path / "a.ndjson"
    path.write_text("".join(f"{json.dumps({**plain, k: o})}\n" for k in keys for o in odd))
    told = json.loads(run("report", path, "--json"))
    assert told["records"] + told["unreadable"] == len(keys) * len(odd)
    page(path)


def test_the_records_that_are_chosen_are_in_the_report(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", *unit_records(range(4), lambda *_: 1.5))
    contents = read_log(path, chosen=make_filter(where={"uut.serial": "SN2"}))
    assert contents.records == 1
