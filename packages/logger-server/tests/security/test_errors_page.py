"""T26: every call of the logger with every error; docs/errors.md lists the cases of these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from error_page import COMMAND, PAGE, Case, errors_in, updated
from every_call import CASES as EVERY_CALL
from every_call import STREAM_CASES, AnyCall
from google.protobuf.descriptor import MethodDescriptor
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_server.json_log import JsonLog
from json_logger_server.services import extension
from json_logger_server.storage.paths import LogRoots
from logger_bench import RECORD, LoggerBench, SeamBench, keyed_logger
from logger_errors import CASES, METHODS, tables
from logger_process import LoggerProcess
from raw_calls import answers, assert_refused
from session_sharing.core import errors
from session_sharing.server import SessionHost


@pytest.fixture(scope="module")
def logger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggerProcess]:
    with keyed_logger(tmp_path_factory.mktemp("logger")) as process:
        yield process


@pytest.fixture
def bench(logger: LoggerProcess, tmp_path: Path) -> Iterator[LoggerBench]:
    folder = logger.folder / tmp_path.name
    folder.mkdir()
    with ExitStack() as stack:
        yield LoggerBench(logger.connect(), folder, stack)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_call_gives_the_error_that_the_page_says(case: Case, bench: LoggerBench) -> None:
    assert_refused(lambda: case.provoke(bench), case.error)


@pytest.fixture(scope="module")
def seams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeamBench]:
    """A logger in this process whose core can raise any error."""
    with ExitStack() as stack:
        yield SeamBench(tmp_path_factory.mktemp("seams"), stack)


@pytest.fixture
def own_seams(tmp_path: Path) -> Iterator[SeamBench]:
    with ExitStack() as stack:
        yield SeamBench(tmp_path, stack)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize("case", EVERY_CALL, ids=str)
def test_every_call_wants_an_identity_and_a_message(
    case: Case, method: MethodDescriptor, own_seams: SeamBench
) -> None:
    call = AnyCall(own_seams.host, own_seams.channel, method)
    assert_refused(lambda: case.provoke(call), case.error, by_grpc=case.by_grpc)


STREAMS = [method for method in METHODS if method.server_streaming]


@pytest.mark.parametrize("method", STREAMS, ids=lambda method: method.name)
@pytest.mark.parametrize("case", STREAM_CASES, ids=str)
def test_every_stream_is_counted(
    case: Case, method: MethodDescriptor, own_seams: SeamBench
) -> None:
    call = AnyCall(own_seams.host, own_seams.channel, method)
    assert_refused(lambda: case.provoke(call), case.error)


WHERE_THE_CORE_IS_CALLED: dict[str, Callable[[SessionHost], tuple[object, str]]] = {
    "InitializeFile": lambda host: (host.registry, "open"),
    "LogMeasurementData": lambda host: (host.registry, "session"),
    "CloseFile": lambda host: (host.registry, "session"),
    "Append": lambda host: (JsonLog, "append"),
    "AppendStream": lambda host: (JsonLog, "append"),
    "Tail": lambda host: (host.registry, "session"),
    "Rotate": lambda host: (host.registry, "session"),
    "ShareMemory": lambda host: (extension, "log_of"),
    "SetContext": lambda host: (JsonLog, "set_context"),
    "Locate": lambda host: (LogRoots, "find"),
}


@pytest.fixture(scope="module")
def requests(seams: SeamBench) -> dict[str, bytes]:
    """Requests with an attachment that the server would accept, by call."""
    attachment = seams.open("a.log").attachment
    batch = ext.AppendRequest(attachment=attachment, first_client_seq=1, count=1, ndjson=RECORD)
    context = ext.SetContextRequest(attachment=attachment, context=b"{}")
    memory = ext.ShareMemoryRequest(attachment=attachment)
    return {
        "ShareMemory": memory.SerializeToString(),
        "Append": batch.SerializeToString(),
        "AppendStream": batch.SerializeToString(),
        "SetContext": context.SerializeToString(),
    }


@pytest.mark.parametrize("error", errors_in(errors), ids=lambda error: error.reason)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_error_of_the_core_arrives_as_the_same_error(
    method: MethodDescriptor,
    error: type[errors.SessionSharingError],
    seams: SeamBench,
    requests: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("As told.", limit="none")

    monkeypatch.setattr(*WHERE_THE_CORE_IS_CALLED[method.name](seams.host), fail)
    data = requests.get(method.name, b"")
    call = partial(answers, seams.channel, method, data, metadata=seams.user, timeout=60)

    assert_refused(call, error)


def test_the_errors_page_lists_the_cases_of_these_tests() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert updated(page, tables()) == page, f"docs/errors.md is out of date; run `{COMMAND}`"
