"""Runs over platform_sim.v1.Sequences are those of `platform-sim run`, and clients can watch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import psutil
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from page_commands import Page
from platform_process import DEADLINE, PlatformProcess, running_platform, wait_until
from platform_sim.platform import Platform, PlatformOptions
from platform_sim.sequence_service import runs as runs_module
from platform_sim.v1 import sequences_pb2 as pb
from plugin_folders import TEST_PLUGINS
from plugin_kit import PlatformError
from plugin_kit.calling import PlatformClient
from sequence_client import SequenceClient, sequence_client, slow_sequence, trace, wait_for_step

if TYPE_CHECKING:
    from conftest import Bench

INTERFACE = "platform_sim.v1.Sequences"
EVERY_ENDING = """
[[setup]]
name = "open"
module = "recorder.py"
function = "note"
arguments = { name = '"open"' }
[[main]]
name = "measure"
measurement = "platform_sim.tests.Tiny"
inputs = [{ name = "value", type = "double", value = "4.5" }]
outputs = [{ name = "doubled", type = "double" }]
[[main]]
name = "skipped"
precondition = "1 > 2"
[[main]]
name = "limit"
status_expression = "1 > 2"
[[main]]
name = "fails"
module = "recorder.py"
function = "fail"
[[main]]
name = "left out"
[[cleanup]]
name = "close"
"""


@pytest.fixture
def platform(bench: Bench) -> Iterator[PlatformProcess]:
    (bench.folder / "platform").mkdir()
    with running_platform(
        bench.folder / "platform", "--sequences", bench.folder, "--plugins", TEST_PLUGINS
    ) as platform:
        yield platform
        children = psutil.Process(platform.process.pid).children()
        assert [one for one in children if "run_child" in " ".join(one.cmdline())] == []


@pytest.fixture
def client(platform: PlatformProcess) -> Iterator[SequenceClient]:
    with sequence_client(platform.state.discovery_address) as client:
        yield client


def test_a_run_has_the_steps_and_results_of_platform_sim_run(
    bench: Bench, platform: PlatformProcess, client: SequenceClient
) -> None:
    bench.recorder()
    sequence = bench.sequence(EVERY_ENDING)

    events = client.finish(client.start(sequence))

    done = platform.run("run", sequence, "--json", check=False)
    expected = json.loads(done.stdout)
    told = [MessageToDict(event.step_ended) for event in events if event.HasField("step_ended")]
    assert len(told) == len(expected["steps"]) == 6
    for one, step in zip(told, expected["steps"], strict=True):
        assert one["group"] == f"GROUP_{step['group'].upper()}"
        assert one["step"] == step["step"]
        assert one["status"] == f"STEP_STATUS_{step['status'].upper()}"
        assert one.get("message", "") == step["message"]
        assert one.get("details", "") == step["details"]
        measured = [
            {output["name"]: output["value"] for output in call["outputs"]}
            for call in one.get("measurements", [])
        ]
        assert measured == [call["outputs"] for call in step["measurements"]]
    assert measured == []
    ended = events[-1].ended
    assert ended.outcome == pb.OUTCOME_FAILED
    assert ended.message == "\n".join(done.stderr.splitlines()[-2:])
    assert "Main step 'fails': ValueError: no such instrument" in ended.message


def test_events_come_while_the_run_goes_on_and_each_step_starts_before_it_ends(
    bench: Bench, client: SequenceClient
) -> None:
    run = client.start(slow_sequence(bench.folder))
    events = client.watch(run)
    wait_for_step(events, "work")
    assert not client.current(run).HasField("ended")

    (bench.folder / "go-on").touch()

    rest = list(events)
    assert trace(rest) == ["Main work: Done", "Main more: Done", "Cleanup close: Done"]
    assert [one.step_started.step for one in rest if one.HasField("step_started")] == [
        "more",
        "close",
    ]
    assert rest[-1].ended == pb.RunEnded(outcome=pb.OUTCOME_PASSED)
    assert client.current(run).ended == rest[-1].ended
    assert "closing" in Path(run.output_file).read_text()


def test_any_number_of_clients_watch_a_run_from_any_event_during_it_and_afterwards(
    bench: Bench, platform: PlatformProcess, client: SequenceClient
) -> None:
    run = client.start(slow_sequence(bench.folder))
    with sequence_client(platform.state.discovery_address) as other:
        streams = [client.watch(run), other.watch(run), other.watch(run, 3)]
        wait_for_step(streams[0], "work")
        (bench.folder / "go-on").touch()
        rests = [list(stream) for stream in streams]

    everything = client.finish(run)
    assert rests[1] == everything
    assert rests[2] == everything[2:]
    assert rests[0] == everything[-len(rests[0]) :]
    assert list(client.watch(run, len(everything) + 5)) == []


def test_two_runs_go_on_at_once(bench: Bench, client: SequenceClient) -> None:
    # Each one continues only when the other one works, too.
    folders = [bench.folder / name for name in ("one", "other")]
    runs = [client.start(slow_sequence(folder)) for folder in folders]
    for folder, other in zip(folders, reversed(folders), strict=True):
        wait_until((other / "working").exists)
        (folder / "go-on").touch()

    for run in runs:
        assert client.finish(run)[-1].ended.outcome == pb.OUTCOME_PASSED
    assert [one.run_id for one in client.list().runs] == [one.run_id for one in runs]


def test_pin_map_and_sites_are_those_of_the_start(bench: Bench, client: SequenceClient) -> None:
    own, other = (bench.folder / name for name in ("Own.pinmap", "Other.pinmap"))
    for path, sites in ((own, (0,)), (other, (0, 1, 2))):
        path.write_text(
            '<PinMap xmlns="http://www.ni.com/TestStand/SemiconductorModule/PinMap.xsd" '
            'schemaVersion="1.6"><Pins><DUTPin name="A"/></Pins><Sites>'
            + "".join(f'<Site siteNumber="{site}"/>' for site in sites)
            + "</Sites></PinMap>"
        )
    sequence = bench.sequence(
        """
        [[setup]]
        name = "pin map"
        pin_map = '"Own.pinmap"'
        [[main]]
        name = "measure"
        measurement = "platform_sim.tests.Tiny"
        outputs = [{ name = "doubled", type = "double" }]
        """
    )

    run = client.start(sequence, other, [1, 2])
    events = client.finish(run)

    (measured,) = (event.step_ended for event in events if event.step_ended.measurements)
    assert [one.site for one in measured.measurements] == [1, 2]
    assert (run.pin_map, list(run.sites)) == (str(other), [1, 2])
    refused = client.finish(client.start(sequence, "", [1]))
    assert refused[-1].ended.outcome == pb.OUTCOME_FAILED
    assert "site" in refused[-1].ended.message


WRITES_SERIAL_NUMBER = """
from pathlib import Path

def write(serial):
    (Path(__file__).parent / "serial.txt").write_text(serial, encoding="utf-8")
"""


def test_the_code_modules_get_the_serial_number_of_the_start(
    bench: Bench, client: SequenceClient
) -> None:
    bench.module("writes.py", WRITES_SERIAL_NUMBER)
    sequence = bench.sequence(
        """
        [[main]]
        name = "write"
        module = "writes.py"
        function = "write"
        arguments = { serial = "RunState.Root.Locals.UUT.SerialNumber" }
        """
    )
    serial = "SN 7 'Ω\""
    run = client.start(sequence, uut=serial)
    assert client.finish(run)[-1].ended.outcome == pb.OUTCOME_PASSED
    assert (bench.folder / "serial.txt").read_text(encoding="utf-8") == serial
    assert client.current(run).uut == serial


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[: len(text) // 2], "Test.seq"),
        (lambda text: text.replace("'CPythonModule'", "'OtherModule'"), "OtherModule adapter"),
    ],
)
def test_a_sequence_that_cannot_be_run_is_refused_before_its_first_step(
    bench: Bench, client: SequenceClient, damage, told
) -> None:
    bench.recorder()
    sequence = bench.sequence(EVERY_ENDING, damage)

    (ended,) = client.finish(client.start(sequence))

    assert ended.ended.outcome == pb.OUTCOME_REFUSED
    assert told in ended.ended.message


def test_a_run_goes_on_when_the_client_that_started_it_disconnects(
    bench: Bench, platform: PlatformProcess, client: SequenceClient
) -> None:
    sequence = slow_sequence(bench.folder)
    with sequence_client(platform.state.discovery_address) as leaving:
        run = leaving.start(sequence)
        events = leaving.watch(run)
        wait_for_step(events, "work")
        events.cancel()
    (bench.folder / "go-on").touch()

    assert client.finish(run)[-1].ended.outcome == pb.OUTCOME_PASSED


def test_an_unknown_run_is_not_found(client: SequenceClient) -> None:
    nobody = pb.Run(run_id="x")
    for call in (lambda: list(client.watch(nobody)), lambda: client.terminate(nobody)):
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        assert "The run 'x' does not exist" in refused.value.details()


def test_so_many_runs_may_go_on_and_so_many_are_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small numbers, so that the test starts few processes.
    monkeypatch.setattr(runs_module, "MOST_RUNNING", 2)
    monkeypatch.setattr(runs_module, "MOST_ENDED", 1)
    sequence = slow_sequence(bench.folder)
    options = PlatformOptions(sequence_folders=(bench.folder,), has_device_server=False)
    with Platform(options) as platform, sequence_client(platform.discovery_address) as client:
        runs = [client.start(sequence) for _ in range(2)]
        with pytest.raises(grpc.RpcError) as refused:
            client.start(sequence)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        (bench.folder / "go-on").touch()
        for run in runs:
            client.finish(run)

        latest = client.start(sequence)

        kept = [one.run_id for one in client.list().runs]
        assert kept == [runs[1].run_id, latest.run_id]
        client.finish(latest)


def test_a_client_without_stubs_finds_and_calls_the_service(
    bench: Bench, platform: PlatformProcess
) -> None:
    bench.sequence(EVERY_ENDING)
    with PlatformClient(platform.state.discovery_address) as discovery:
        address = discovery.resolve(INTERFACE, INTERFACE)
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert INTERFACE in database.get_services()
        method = DescriptorPool(database).FindServiceByName(INTERFACE).methods_by_name["List"]
        request, answer = (GetMessageClass(one) for one in (method.input_type, method.output_type))
        call = channel.unary_unary(
            f"/{INTERFACE}/List", request.SerializeToString, answer.FromString
        )
        assert "Test.seq" in str(call(request()))


def test_the_program_of_the_page_on_sequences_shows_the_steps(
    bench: Bench, platform: PlatformProcess
) -> None:
    bench.sequence("[[main]]\nname = 'first'\n[[main]]\nname = 'second'\n")
    program = Page("docs/sequences.md").named_files()["run_sequence.py"]

    done = subprocess.run(
        [
            *(sys.executable, "-c", program),
            *(platform.state.discovery_address, "Test.seq"),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    steps = ["first STEP_STATUS_DONE ", "second STEP_STATUS_DONE ", "OUTCOME_PASSED"]
    assert done.stdout.splitlines() == steps, done.stderr


def test_a_platform_without_sequence_folders_starts_none(tmp_path: Path) -> None:
    options = PlatformOptions(has_device_server=False)
    with Platform(options) as platform, sequence_client(platform.discovery_address) as client:
        with pytest.raises(grpc.RpcError) as refused:
            client.list()
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        with PlatformClient(platform.discovery_address) as discovery:
            assert INTERFACE not in {one.service_class for one in discovery.services()}
            with pytest.raises(PlatformError, match="No service provides"):
                discovery.resolve(INTERFACE)
