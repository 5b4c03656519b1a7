"""The code module that opens the log says what all records of the execution have in common."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from chain import Chain
from chain_sequences import TESTSTAND, changed_sequences
from running_chain import start_run

LOG_BY_HAND = """
from json_logger_client import InitializationBehavior, JsonLoggerClient
from ni.measurementlink.discovery.v1.client import DiscoveryClient

def log_by_hand():
    attach = InitializationBehavior.ATTACH_TO_SERVER_SESSION
    with JsonLoggerClient("measurements.ndjson", attach, DiscoveryClient()) as log:
        log.log_data("by hand", {}, {})
"""
STEP = """
[[main]]
name = "Log by hand"
module = 'code_modules\\\\log_by_hand.py'
function = "log_by_hand"

[[cleanup]]
name = "Close the DMM"
"""


def test_records_of_another_program_have_the_context_of_the_execution(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JSON_LOGGER_STATION", raising=False)
    sequences = changed_sequences(
        tmp_path / "sequences",
        lambda text: text.replace('\n[[cleanup]]\nname = "Close the DMM"\n', STEP),
    )
    (sequences / "code_modules" / "log_by_hand.py").write_text(LOG_BY_HAND)
    path = sequences / "MeasureAndLogOneSite.seq"

    printed, errors = start_run(chain, path, "--uut=SN-7").communicate()

    assert json.loads(printed)["passed"], errors
    records = [json.loads(line) for line in chain.log_file.read_text("utf-8").splitlines()]
    *_, smu, dmm, by_hand = records
    assert by_hand["measurement_name"] == "by hand"
    assert by_hand["uut"] == {"serial": "SN-7"}
    assert by_hand["station"] == socket.gethostname()
    execution = by_hand["sequence"].pop("execution")
    assert by_hand["sequence"] == {"file": str(path)}
    for record, step in ((smu, "Source and measure DC voltage"), (dmm, "Measure with the DMM")):
        assert record["sequence"] == {"file": str(path), "step": step, "execution": execution}
        assert record["uut"] == {"serial": "SN-7"}


class Properties:
    """Stands for the properties of TestStand's sequence context, of which no free one exists."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def Exists(self, lookup: str, options: int) -> bool:
        return lookup in self._values

    def GetValString(self, lookup: str, options: int) -> str:
        return self._values[lookup]


class Named:
    """Stands for objects of TestStand's API."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


@pytest.mark.parametrize("has_model", [True, False])
def test_what_a_process_model_has_is_taken_and_the_rest_left_out(
    monkeypatch: pytest.MonkeyPatch, has_model: bool
) -> None:
    monkeypatch.setenv("JSON_LOGGER_STATION", "bench 4")
    monkeypatch.syspath_prepend(str(TESTSTAND / "code_modules"))
    root = "RunState.Root.Locals"
    values = {
        f"{root}.UUT.SerialNumber": "SN1",
        f"{root}.UUT.PartNumber": "P2",
        f"{root}.UUT.LotNumber": "L3",
        f"{root}.StationInfo.StationID": "station-3",
        f"{root}.StationInfo.LoginName": "Ada",
    }
    properties = Properties(values if has_model else {})
    context = Named(
        AsPropertyObject=lambda: properties,
        SequenceFile=Named(Path=r"C:\A.seq"),
        Execution=Named(Id=17),
    )
    from teststand_record_context import record_context

    found = record_context(context)

    assert (found.sequence.file, found.sequence.execution) == (r"C:\A.seq", "17")
    assert found.station == ("station-3" if has_model else "bench 4")
    assert found.operator == ("Ada" if has_model else "")
    assert (found.uut.serial, found.uut.part, found.uut.lot) == (
        ("SN1", "P2", "L3") if has_model else ("", "", "")
    )
    sys.modules.pop("teststand_record_context")
