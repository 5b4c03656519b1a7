"""The reports of a run for people and for build servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree
from platform_sim.sequence.model import Group
from platform_sim.sequence.reports import LiveTable, run_as_json, write_junit
from platform_sim.sequence.results import RunResult, SiteOutputs, StepResult, StepStatus

if TYPE_CHECKING:
    from conftest import Bench


def test_junit_has_a_case_per_step_with_its_failure(bench: Bench, tmp_path: Path) -> None:
    bench.recorder()
    result = bench.run(
        """
        [[main]]
        name = "limit"
        status_expression = 'False'
        [[main]]
        name = "left"
        mode = "Skip"
        [[main]]
        name = "break"
        module = "recorder.py"
        function = "fail"
        """
    )

    write_junit(result, tmp_path / "reports" / "junit.xml")

    suite = etree.parse(tmp_path / "reports" / "junit.xml").find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == list("3111")
    kinds = {case.get("name"): [child.tag for child in case] for case in suite}
    assert kinds == {"limit": ["failure"], "left": ["skipped"], "break": ["error"]}
    assert json.dumps(run_as_json(result))


def test_the_table_shows_the_start_of_a_waveform_and_files_have_all_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waveform = [float(number) for number in range(1000)]
    step = StepResult(
        Group.MAIN,
        "acquire",
        StepStatus.DONE,
        0.1,
        measurements=(SiteOutputs({"waveform": waveform, "few": [1.0, 2.0]}),),
    )
    run = RunResult(tmp_path / "F.seq", (step,))

    LiveTable().step_ended(step)
    write_junit(run, tmp_path / "junit.xml")

    shown = capsys.readouterr().out
    assert "waveform = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, ... 1000 values]" in shown
    assert "few = [1.0, 2.0]" in shown
    assert "999.0" in (tmp_path / "junit.xml").read_text(encoding="utf-8")
    assert "999.0" in json.dumps(run_as_json(run))
