"""The gRPC service of sequences: decode requests, call the runs, encode answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from platform_sim.errors import InvalidRequestError
from platform_sim.sequence_service.run import SequenceRun
from platform_sim.sequence_service.runs import SequenceRuns
from platform_sim.v1 import sequences_pb2 as pb
from platform_sim.v1 import sequences_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class SequencesServicer(sequences_pb2_grpc.SequencesServicer):
    """All RPCs of platform_sim.v1.Sequences."""

    def __init__(self, runs: SequenceRuns) -> None:
        self._runs = runs

    async def List(  # noqa: N802
        self, request: pb.ListRequest, context: Context
    ) -> pb.ListResponse:
        """List the sequence files, the pin maps and the runs."""
        answer = pb.ListResponse(runs=[_encode_run(one) for one in self._runs.all()])
        for one in await self._runs.files():
            files = answer.sequences if one.is_sequence else answer.pin_maps
            files.add(path=str(one.path), folder=str(one.folder), refusal=one.refusal)
        return answer

    async def Start(  # noqa: N802
        self, request: pb.StartRequest, context: Context
    ) -> pb.StartResponse:
        """Start a run."""
        run = await self._runs.start(request.sequence, request.pin_map, request.sites, request.uut)
        return pb.StartResponse(run=_encode_run(run))

    async def Terminate(  # noqa: N802
        self, request: pb.TerminateRequest, context: Context
    ) -> pb.TerminateResponse:
        """End a run early."""
        self._runs.get(request.run_id).terminate(without_cleanup=request.without_cleanup)
        return pb.TerminateResponse()

    async def Watch(  # noqa: N802
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.RunEvent]:
        """Stream the events of a run."""
        async for event in self._runs.get(request.run_id).watch(request.first_number):
            yield event

    async def ReadFile(  # noqa: N802
        self, request: pb.ReadFileRequest, context: Context
    ) -> AsyncIterator[pb.FilePart]:
        """Stream a file of a run."""
        run = self._runs.get(request.run_id)
        if request.file == pb.RUN_FILE_OUTPUT:
            parts = run.read_output()
        elif request.file == pb.RUN_FILE_JUNIT:
            parts = run.read_junit()
        else:
            raise InvalidRequestError(
                f"{request.file} is no file of a run. Name RUN_FILE_OUTPUT or RUN_FILE_JUNIT."
            )
        async for part in parts:
            yield pb.FilePart(content=part)


def _encode_run(run: SequenceRun) -> pb.Run:
    encoded = pb.Run(
        run_id=run.run_id,
        sequence=run.job.sequence,
        pin_map=run.job.pin_map,
        sites=run.job.sites,
        output_file=str(run.output_file),
        is_terminating=run.is_terminating,
        ended=run.ended,
        uut=run.job.uut,
    )
    encoded.started_at.FromNanoseconds(int(run.started_at * 1e9))
    return encoded
