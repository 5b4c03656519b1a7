"""A client of platform_sim.v1.Sequences that has only the stubs, as another program would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from platform_process import DEADLINE
from platform_sim.sequence.description import parse_description
from platform_sim.sequence.seq_writer import write_sequence_file
from platform_sim.v1 import sequences_pb2 as pb
from platform_sim.v1 import sequences_pb2_grpc

_OPTIONS = (("grpc.use_local_subchannel_pool", 1),)  # a separate connection


class SequenceClient:
    """Call the service at an address."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub = sequences_pb2_grpc.SequencesStub(channel)

    def list(self) -> pb.ListResponse:
        return self.stub.List(pb.ListRequest(), timeout=DEADLINE)

    def start(
        self, sequence: object, pin_map: object = "", sites: Iterable[int] = (), uut: str = ""
    ) -> pb.Run:
        request = pb.StartRequest(
            sequence=str(sequence), pin_map=str(pin_map), sites=sites, uut=uut
        )
        return self.stub.Start(request, timeout=DEADLINE).run

    def watch(self, run: pb.Run, first_number: int = 0) -> grpc.Call:
        request = pb.WatchRequest(run_id=run.run_id, first_number=first_number)
        return self.stub.Watch(request, timeout=DEADLINE)

    def read_file(self, run: pb.Run, file: pb.RunFile.ValueType) -> bytes:
        request = pb.ReadFileRequest(run_id=run.run_id, file=file)
        return b"".join(part.content for part in self.stub.ReadFile(request, timeout=DEADLINE))

    def terminate(self, run: pb.Run, *, without_cleanup: bool = False) -> None:
        request = pb.TerminateRequest(run_id=run.run_id, without_cleanup=without_cleanup)
        self.stub.Terminate(request, timeout=DEADLINE)

    def finish(self, run: pb.Run) -> list[pb.RunEvent]:
        """Return all events of a run, when it has ended."""
        events = list(self.watch(run))
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert [event.HasField("ended") for event in events[:-1]] == [False] * (len(events) - 1)
        assert events[-1].HasField("ended")
        return events

    def current(self, run: pb.Run) -> pb.Run:
        """Return a run as the service lists it now."""
        return next(one for one in self.list().runs if one.run_id == run.run_id)


@contextmanager
def sequence_client(address: str) -> Iterator[SequenceClient]:
    """Connect to the service at an address, for the length of a with statement."""
    with grpc.insecure_channel(address, _OPTIONS) as channel:
        yield SequenceClient(channel)


def trace(events: Iterable[pb.RunEvent]) -> list[str]:
    """Return the steps that ran, in order, such as ``Main open: Done``."""
    return [
        f"{pb.Group.Name(one.group).removeprefix('GROUP_').capitalize()} {one.step}: "
        f"{pb.StepStatus.Name(one.status).removeprefix('STEP_STATUS_').capitalize()}"
        for one in (event.step_ended for event in events if event.HasField("step_ended"))
    ]


def wait_for_step(events: Iterable[pb.RunEvent], name: str) -> None:
    """Read events until a step starts."""
    assert any(event.step_started.step == name for event in events)


SLOW = """
import os, time
from pathlib import Path

HERE = Path(__file__).parent

def work():
    (HERE / "working").write_text(str(os.getpid()))
    while not (HERE / "go-on").exists():
        time.sleep(0.01)

def close():
    print("closing")
    (HERE / "closed").touch()
"""
WORK_AND_CLOSE = """
[[main]]
name = "work"
module = "slow.py"
function = "work"
[[main]]
name = "more"
[[cleanup]]
name = "close"
module = "slow.py"
function = "close"
"""
"""A run that works until a file go-on lies beside it, and leaves a file closed in Cleanup."""


def slow_sequence(folder: Path) -> Path:
    """Write a sequence whose code module waits for a file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "slow.py").write_text(SLOW, encoding="utf-8")
    write_sequence_file(folder / "Slow.seq", parse_description(WORK_AND_CLOSE))
    return folder / "Slow.seq"
