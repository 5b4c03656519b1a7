"""Records are chosen by name, time, writer, site and value, before anything else is done."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from json_logger_client import InvalidArgumentError, read_log
from json_logger_client.records import make_filter

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.ndjson"


def write(path: Path, *records: dict[str, Any]) -> Path:
    """Write records; what a record does not give has a plain value."""
    plain = {
        "timestamp": "2026-01-31T12:00:00Z",
        "measurement_name": "m",
        "measurement_configurations": {},
        "measurement_outputs": {},
    }
    lines = [json.dumps({**plain, **record, "seq": n}) for n, record in enumerate(records, start=1)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def found(path: Path, **chosen: Any) -> list[int | None]:
    return [record.seq for record in read_log(path, **chosen)]


def test_names_are_whole_and_exact(path: Path) -> None:
    write(path, *({"measurement_name": name} for name in ("leak", "Leak", "leakage", "0010", "10")))
    assert found(path, name="leak") == [1]
    assert found(path, name=["0010", "leakage"]) == [3, 4]
    assert found(path, name="eak") == []


def test_a_period_has_its_beginning_and_not_its_end(path: Path) -> None:
    times = ("11:59:59.999999", "12:00:00", "12:00:00.5", "13:00:00")
    write(path, *({"timestamp": f"2026-01-31T{time}Z"} for time in times))
    assert found(path, since=NOON) == [2, 3, 4]
    assert found(path, until=NOON) == [1]
    assert found(path, since="2026-01-31T12:00:00Z", until="2026-01-31T13:00:00+00:00") == [2, 3]
    assert found(path, since="2026-01-31T14:00+02:00") == [2, 3, 4]
    there = NOON.astimezone(timezone(timedelta(hours=-7)))
    assert found(path, since=there) == [2, 3, 4]


def test_a_time_without_a_zone_is_local_time(path: Path) -> None:
    local = NOON.astimezone().replace(tzinfo=None)
    write(path, {}, {"timestamp": "2026-01-31T11:00:00Z"})
    assert found(path, since=local) == found(path, since=local.isoformat()) == [1]


def test_writers_are_found_by_a_part_of_their_description(path: Path) -> None:
    write(path, {"writer": "dcpower plug-in, pid 7 on s1"}, {"writer": "dmm plug-in"}, {})
    assert found(path, writer="dmm") == [2]
    assert found(path, writer=["dcpower", "dmm"]) == [1, 2]


def test_sites_are_those_of_the_plug_ins(path: Path) -> None:
    sites: list[Any] = [[0, 1], [1, 2], [10], [], "1"]
    write(path, *({"measurement_outputs": {"measurement_sites": site}} for site in sites), {})
    assert found(path, site=1) == [1, 2]
    assert found(path, site=["0", 10]) == [1, 3]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("voltage=3.3", [1]),
        ("voltage=10", [2, 3]),
        ("voltage=10.0", [2]),
        ("voltage=true", [4]),
        ("voltage=NaN", [5]),
        ("voltage=", [6]),
        ("voltage=null", [7]),
        ("voltage=2", [8]),
        ("voltage=[1, 2]", [8]),
        ("voltage=auto", [9]),
        ("fit.slope=2", [10]),
        ("a.b=1", [11]),
        ("voltage=1", [8]),
    ],
)
def test_a_value_is_compared_as_json_or_as_text(
    path: Path, condition: str, expected: list[int]
) -> None:
    values = [3.3, 10, "10", True, "NaN", "", None, [1, 2], "auto"]
    write(
        path,
        *({"measurement_configurations": {"voltage": value}} for value in values),
        {"measurement_outputs": {"fit": {"slope": 2}}},
        {"measurement_outputs": {"a.b": 1}},
    )
    assert found(path, where=[condition]) == expected


def test_conditions_look_into_configurations_outputs_and_the_record(path: Path) -> None:
    write(
        path,
        {"measurement_configurations": {"mode": "fast"}, "status": "passed"},
        {"measurement_outputs": {"mode": "fast"}, "status": "failed", "uut": {"serial": "0010"}},
        {"station": "s1"},
    )
    assert found(path, where={"mode": "fast"}) == [1, 2]
    assert found(path, where={"mode": "fast", "status": "failed"}) == [2]
    assert found(path, where=["status=failed", "mode=fast"]) == [2]
    assert found(path, where=["uut.serial=0010"]) == [2]
    assert found(path, where={"station": "s1"}) == [3]


def test_values_of_python_are_compared_by_their_type(path: Path) -> None:
    outputs = [1, True, "1", "NaN", "2026-01-31T12:00:00Z"]
    write(path, *({"measurement_outputs": {"v": value}} for value in outputs))
    assert found(path, where={"v": 1}) == [1]
    assert found(path, where={"v": True}) == [2]
    assert found(path, where={"v": "1"}) == [3]
    assert found(path, where={"v": math.nan}) == [4]
    assert found(path, where={"v": NOON}) == [5]


def test_a_line_that_is_no_record_fulfils_no_condition() -> None:
    assert make_filter().accepts_line(b"anything")
    assert not make_filter(name="m").accepts_line(b"anything")
    assert not make_filter(name="m").accepts_line(b"{}")


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01", "2x", "-1h", "99999999999d"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"is not a time\. Write for example 2026-01-31"):
        make_filter(since=text)


@pytest.mark.parametrize("text", ["", "voltage", "=3"])
def test_what_is_no_condition_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Write KEY=VALUE"):
        make_filter(where=[text])
