"""Clients of platform_sim.v1.Sequences read the output of a run and its JUnit report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc
import pytest
from platform_process import PlatformProcess, running_platform
from platform_sim.v1 import sequences_pb2 as pb
from sequence_client import SequenceClient, sequence_client, slow_sequence, wait_for_step

if TYPE_CHECKING:
    from conftest import Bench

PRINTS_MUCH = """
def work():
    print("line\\n" * 40_000)
"""
ONE_STEP = """
[[main]]
name = "work <1>"
module = "printing.py"
function = "work"
"""


@pytest.fixture
def platform(bench: Bench) -> Iterator[PlatformProcess]:
    (bench.folder / "platform").mkdir()
    with running_platform(bench.folder / "platform", "--sequences", bench.folder) as platform:
        yield platform


@pytest.fixture
def client(platform: PlatformProcess) -> Iterator[SequenceClient]:
    with sequence_client(platform.state.discovery_address) as client:
        yield client


def test_the_junit_report_is_that_of_platform_sim_run(
    bench: Bench, platform: PlatformProcess, client: SequenceClient
) -> None:
    (bench.folder / "printing.py").write_text(PRINTS_MUCH, encoding="utf-8")
    sequence = bench.sequence(ONE_STEP)
    run = client.start(sequence)
    client.finish(run)
    platform.run("run", sequence, "--junit", bench.folder / "own.xml")
    served = client.read_file(run, pb.RUN_FILE_JUNIT).decode()
    own = (bench.folder / "own.xml").read_text(encoding="utf-8")
    assert without_times(served) == without_times(own)
    assert 'name="work &lt;1&gt;"' in served


def test_the_output_of_the_code_modules_is_whole(bench: Bench, client: SequenceClient) -> None:
    (bench.folder / "printing.py").write_text(PRINTS_MUCH, encoding="utf-8")
    run = client.start(bench.sequence(ONE_STEP))
    client.finish(run)
    assert client.read_file(run, pb.RUN_FILE_OUTPUT).decode().split() == ["line"] * 40_000


def test_a_run_that_goes_on_has_output_and_no_report(bench: Bench, client: SequenceClient) -> None:
    run = client.start(slow_sequence(bench.folder))
    wait_for_step(client.watch(run), "work")
    assert client.read_file(run, pb.RUN_FILE_OUTPUT) == b""
    assert_refused(client, run, pb.RUN_FILE_JUNIT, grpc.StatusCode.NOT_FOUND, "has not ended")
    client.terminate(run)
    client.finish(run)
    assert b"interrupted" in client.read_file(run, pb.RUN_FILE_JUNIT)


def test_a_killed_run_says_why_it_has_no_report(bench: Bench, client: SequenceClient) -> None:
    run = client.start(slow_sequence(bench.folder))
    wait_for_step(client.watch(run), "work")
    client.terminate(run, without_cleanup=True)
    client.finish(run)
    assert_refused(client, run, pb.RUN_FILE_JUNIT, grpc.StatusCode.NOT_FOUND, "killed")


def test_only_the_files_of_a_known_run_are_read(bench: Bench, client: SequenceClient) -> None:
    run = client.start(bench.sequence(ONE_STEP))
    client.finish(run)
    unknown = pb.Run(run_id="../" + run.run_id)
    assert_refused(client, unknown, pb.RUN_FILE_OUTPUT, grpc.StatusCode.NOT_FOUND, "not exist")
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    assert_refused(client, run, pb.RUN_FILE_UNSPECIFIED, invalid, "RUN_FILE_OUTPUT")


def assert_refused(
    client: SequenceClient,
    run: pb.Run,
    file: pb.RunFile.ValueType,
    status: grpc.StatusCode,
    said: str,
) -> None:
    with pytest.raises(grpc.RpcError, match=said) as caught:
        client.read_file(run, file)
    assert caught.value.code() is status


def without_times(xml: str) -> str:
    return re.sub(r'time="[0-9.]+"', "", xml)
