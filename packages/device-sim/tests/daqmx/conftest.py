"""Tasks of the real nidaqmx package on a server in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import grpc
import nidaqmx
import nidaqmx.system
import pytest
from nidaqmx.error_codes import DAQmxErrors

OpenTask = Callable[..., nidaqmx.Task]


@pytest.fixture
def grpc_options(channel: grpc.Channel) -> nidaqmx.GrpcSessionOptions:
    return nidaqmx.GrpcSessionOptions(channel, "")


@pytest.fixture
def system(grpc_options: nidaqmx.GrpcSessionOptions) -> nidaqmx.system.System:
    return nidaqmx.system.System.remote(grpc_options=grpc_options)


def _leave(task: nidaqmx.Task) -> None:
    """Clear a task. The test may have cleared it before, or stopped the server."""
    if task._handle is None:
        return
    try:
        task.close()
    except nidaqmx.errors.DaqError as error:
        if error.error_code != DAQmxErrors.INVALID_TASK:
            raise
    except nidaqmx.errors.RpcError as error:
        if error.rpc_code is not grpc.StatusCode.UNAVAILABLE:
            raise


@pytest.fixture
def open_task(channel: grpc.Channel) -> Iterator[OpenTask]:
    with ExitStack() as stack:

        def open_it(name: str = "", **kwargs: object) -> nidaqmx.Task:
            options = nidaqmx.GrpcSessionOptions(channel, name, **kwargs)
            task = nidaqmx.Task(name, grpc_options=options)
            stack.callback(_leave, task)
            return task

        yield open_it


@pytest.fixture
def task(open_task: OpenTask) -> nidaqmx.Task:
    return open_task()
