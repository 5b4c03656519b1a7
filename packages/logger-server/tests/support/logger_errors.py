"""Every known error of the logger's calls, each with a case that causes it."""

from __future__ import annotations

import contextlib
import itertools
import os
from functools import partial
from pathlib import Path

from capabilities import (
    HAS_MODES,
    HAS_PROC,
    IS_ROOT,
    REMOVES_OPEN_FILES,
    RENAMES_OPEN_FILES,
    require,
)
from error_page import Case, case, cases_table, errors_in, matrix
from every_call import on_every
from google.protobuf.timestamp_pb2 import Timestamp
from hosting import Lock
from json_logger_proto import json_logger_pb2 as reference
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_server.storage.exclusive import lock_exclusively
from logger_bench import LIMITED, NO_MEMORY, RECORD, SAMPLES, WITH_WAVEFORM, LoggerBench
from processes import eventually
from session_sharing.core import errors
from session_sharing.stop_event import ask_to_stop

SERVICES = [
    reference.DESCRIPTOR.services_by_name["JsonLogger"],
    ext.DESCRIPTOR.services_by_name["JsonLoggerExt"],
]
METHODS = [method for service in SERVICES for method in service.methods]
NEW = reference.SESSION_INITIALIZATION_BEHAVIOR_INITIALIZE_NEW
ATTACH = reference.SESSION_INITIALIZATION_BEHAVIOR_ATTACH_TO_EXISTING

CASES: list[Case] = []
_initialize = partial(case, CASES, "InitializeFile")
_log = partial(case, CASES, "LogMeasurementData")
_close = partial(case, CASES, "CloseFile")
_append = partial(case, CASES, "Append")
_stream = partial(case, CASES, "AppendStream")
_tail = partial(case, CASES, "Tail")
_rotate = partial(case, CASES, "Rotate")
_share_memory = partial(case, CASES, "ShareMemory")
_set_context = partial(case, CASES, "SetContext")
_locate = partial(case, CASES, "Locate")


def tables() -> dict[str, str]:
    """Return the logger's tables of docs/errors.md."""
    classes = errors_in(errors)
    found = {"the logger by call": cases_table(CASES, classes)}
    for service in SERVICES:
        calls = tuple(method.name for method in service.methods)
        found[service.name] = matrix(calls, classes, [*CASES, *on_every(calls)])
    return found


@_initialize(errors.InvalidArgumentError, "the name is not that of a log file")
def _(bench: LoggerBench) -> None:
    bench.initialize("a.exe")


@_initialize(errors.InvalidArgumentError, "the name has a part that is too long for the system")
def _(bench: LoggerBench) -> None:
    bench.initialize("x" * 300 + ".log")


@_initialize(errors.InvalidArgumentError, "the behavior is unknown")
def _(bench: LoggerBench) -> None:
    bench.initialize("a.log", 9)


@_initialize(errors.NotAResourceError, "the file is not NDJSON")
def _(bench: LoggerBench) -> None:
    (bench.folder / "prose.txt").write_text("not a log\n")
    bench.initialize("prose.txt")


@_initialize(errors.NotAResourceError, "it is a rotated file of a log")
def _(bench: LoggerBench) -> None:
    session = bench.initialize("a.log")
    bench.log(session)
    require(RENAMES_OPEN_FILES, "renaming of open files")
    bench.rotate(session)
    bench.initialize("a.1.log")


@_initialize(errors.NotAResourceError, "it is a folder, a FIFO or a device")
def _(bench: LoggerBench) -> None:
    (bench.folder / "folder.log").mkdir()
    bench.initialize("folder.log")


@_initialize(
    errors.SessionAlreadyOpenError, "the caller wants a new session, but the file has an open one"
)
def _(bench: LoggerBench) -> None:
    bench.initialize("a.log")
    bench.initialize("a.log", NEW)


@_initialize(
    errors.ResourceInUseError, "another program writes the file; the message names the process"
)
def _(bench: LoggerBench) -> None:
    handle = os.open(bench.folder / "a.log", os.O_RDWR | os.O_CREAT)
    bench.stack.callback(os.close, handle)
    lock_exclusively(handle, bench.folder / "a.log")
    bench.initialize("a.log")


@_initialize(errors.SessionNotFoundError, "the caller attaches, but the file has no session")
def _(bench: LoggerBench) -> None:
    bench.initialize("a.log", ATTACH)


@_initialize(errors.ResourceNotFoundError, "the folder does not exist")
def _(bench: LoggerBench) -> None:
    bench.initialize("missing/a.log")


@_initialize(errors.NotPermittedError, "the file is outside the log folders")
def _(bench: LoggerBench) -> None:
    bench.initialize("../../../../a.log")


@_initialize(errors.NotPermittedError, "the server's user may not write the file")
def _(bench: LoggerBench) -> None:
    require(HAS_MODES and not IS_ROOT, "POSIX file modes that bind this user")
    (bench.folder / "a.log").touch(mode=0o400)
    bench.initialize("a.log")


@_initialize(errors.LimitExceededError, "the name is too long for the server")
def _(bench: LoggerBench) -> None:
    bench.initialize("x" * 5000 + ".log")


@_initialize(errors.LimitExceededError, "too many sessions are open, or no file descriptor is left")
def _(bench: LoggerBench) -> None:
    few, _ = bench.with_own_process(LIMITED, "NOFILE=280")
    for number in range(100):
        few.initialize(f"{number}.log")


@_initialize(errors.StorageFullError, "there is no room to repair the torn tail of the file")
def _(bench: LoggerBench) -> None:
    small, _ = bench.with_own_process(LIMITED, "FSIZE=4096")
    (bench.folder / "a.log").write_bytes(b'{"filler":"' + b"x" * 4083 + b'"}')
    small.initialize("a.log")


@_initialize(errors.ResourceLostError, "the file was deleted or replaced while it was opened")
def _(bench: LoggerBench) -> None:
    require(HAS_PROC, "/proc")
    slow = bench.with_seams()
    session = slow.initialize("a.log")
    write = slow.begin_slow_write(session)
    slow.begin_close(session)
    request = reference.InitializeFileRequest(file_path=f"{slow.folder}/a.log")
    opening = slow.reference.InitializeFile.future(request, metadata=slow.user)
    eventually(lambda: _handles_on(slow.folder / "a.log") == 2)
    (slow.folder / "a.log").unlink()
    write.set()
    opening.result()


def _handles_on(path: Path) -> int:
    found = 0
    for handle in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # others close theirs meanwhile
            found += handle.samefile(path)
    return found


@_initialize(errors.ServerDrainingError, "the server is stopping")
def _(bench: LoggerBench) -> None:
    stopping = bench.with_seams()
    stopping.host.registry.drain()
    stopping.initialize("a.log")


@_initialize(errors.ResourceBusyError, "the last session does not end, because its disk hangs")
def _(bench: LoggerBench) -> None:
    slow = bench.with_seams(release_timeout=0.2)
    session = slow.initialize("a.log")
    slow.begin_slow_write(session)
    slow.begin_close(session)
    slow.initialize("a.log")


@_log(errors.SessionNotFoundError, "the session is unknown or closed")
def _(bench: LoggerBench) -> None:
    session = bench.initialize("a.log")
    bench.close(session)
    bench.log(session)


@_log(errors.InvalidArgumentError, "the timestamp is out of range")
def _(bench: LoggerBench) -> None:
    bench.log(bench.initialize("a.log"), timestamp=Timestamp(seconds=1 << 60))


@_log(errors.StorageFullError, "there is no room on the disk")
def _(bench: LoggerBench) -> None:
    small, _ = bench.with_own_process(LIMITED, "FSIZE=4096")
    session = small.initialize("a.log")
    while True:
        small.log(session)


@_log(errors.ResourceLostError, "the file was deleted, replaced or changed")
def _(bench: LoggerBench) -> None:
    session = bench.initialize("a.log")
    require(REMOVES_OPEN_FILES, "removal of open files")
    (bench.folder / "a.log").unlink()
    bench.log(session)


@_close(errors.SessionNotFoundError, "the session is unknown or closed")
def _(bench: LoggerBench) -> None:
    session = bench.initialize("a.log")
    bench.close(session)
    bench.close(session)


@_close(errors.NotPermittedError, "the session belongs to another identity")
def _(bench: LoggerBench) -> None:
    bench.close(bench.initialize("a.log"), bench.other)


@_close(errors.ResourceBusyError, "the disk hangs, so that logged records cannot be written")
def _(bench: LoggerBench) -> None:
    slow = bench.with_seams(release_timeout=0.2)
    session = slow.initialize("a.log")
    slow.begin_slow_write(session)
    slow.close(session)


@_append(errors.InvalidArgumentError, "a record breaks the protocol; the message names its index")
def _(bench: LoggerBench) -> None:
    bench.append(bench.open("a.log").attachment, b"{}")


@_append(errors.InvalidArgumentError, "the samples do not fit to the references in the records")
def _(bench: LoggerBench) -> None:
    bench.append(bench.open("a.log").attachment, samples=b"12345678")


@_append(errors.NotAResourceError, "another program's file has the name of the log's waveforms")
def _(bench: LoggerBench) -> None:
    (bench.folder / "a.log.waveforms").write_text("another program's")
    bench.append(bench.open("a.log").attachment, WITH_WAVEFORM, samples=SAMPLES)


@_append(errors.InvalidArgumentError, "the records are numbered from 0 or beyond 2^53 - 1")
def _(bench: LoggerBench) -> None:
    bench.append(bench.open("a.log").attachment, seq=1 << 60)


@_append(errors.SessionExpiredError, "the attachment has ended, is unknown or belongs to another")
def _(bench: LoggerBench) -> None:
    opened = bench.open("a.log")
    bench.close(opened.session_name)
    bench.append(opened.attachment)


@_append(errors.SessionNotFoundError, "the session is not a log (on a server with other kinds)")
def _(bench: LoggerBench) -> None:
    mixed = bench.with_seams()
    mixed.host.registry.kinds["lock"] = Lock
    mixed.append(mixed.open("a.log", kind="lock").attachment)


@_append(errors.LimitExceededError, "samples were handed over as memory, but have not arrived")
def _(bench: LoggerBench) -> None:
    bench.append(bench.open("a.log").attachment, WITH_WAVEFORM, in_memory=NO_MEMORY)


@_append(errors.StorageFullError, "there is no room on the disk")
def _(bench: LoggerBench) -> None:
    small, _ = bench.with_own_process(LIMITED, "FSIZE=4096")
    attachment = small.open("a.log").attachment
    for number in itertools.count(1):
        small.append(attachment, seq=number)


@_append(errors.ResourceLostError, "the file was deleted, replaced or changed")
def _(bench: LoggerBench) -> None:
    opened = bench.open("a.log")
    require(REMOVES_OPEN_FILES, "removal of open files")
    (bench.folder / "a.log").unlink()
    bench.append(opened.attachment)


@_stream(errors.InvalidArgumentError, "as Append")
def _(bench: LoggerBench) -> object:
    return bench.append_stream(bench.open("a.log").attachment, b"{}")


@_stream(errors.LimitExceededError, "as Append")
def _(bench: LoggerBench) -> object:
    attachment = bench.open("a.log").attachment
    return bench.append_stream(attachment, WITH_WAVEFORM, in_memory=NO_MEMORY)


@_stream(errors.NotAResourceError, "as Append")
def _(bench: LoggerBench) -> object:
    (bench.folder / "a.log.waveforms").write_text("another program's")
    return bench.append_stream(bench.open("a.log").attachment, WITH_WAVEFORM, samples=SAMPLES)


@_stream(errors.SessionExpiredError, "as Append; each message is checked")
def _(bench: LoggerBench) -> object:
    return bench.append_stream("unknown")


@_stream(errors.SessionNotFoundError, "as Append")
def _(bench: LoggerBench) -> object:
    mixed = bench.with_seams()
    mixed.host.registry.kinds["lock"] = Lock
    return mixed.append_stream(mixed.open("a.log", kind="lock").attachment)


@_stream(errors.StorageFullError, "as Append")
def _(bench: LoggerBench) -> object:
    small, _ = bench.with_own_process(LIMITED, "FSIZE=4096")
    (bench.folder / "a.log").write_bytes(b'{"filler":"' + b"x" * 4080 + b'"}\n')
    return small.append_stream(small.open("a.log").attachment)


@_stream(errors.ResourceLostError, "as Append")
def _(bench: LoggerBench) -> object:
    opened = bench.open("a.log")
    require(REMOVES_OPEN_FILES, "removal of open files")
    (bench.folder / "a.log").unlink()
    return bench.append_stream(opened.attachment, RECORD)


@_stream(errors.ServerDrainingError, "the server is stopping; acknowledged records are in the file")
def _(bench: LoggerBench) -> None:
    own, process = bench.with_own_process()
    answers = own.endless_stream(own.open("a.log").attachment)
    next(answers)
    ask_to_stop(process.pid)
    next(answers)


@_tail(errors.SessionNotFoundError, "the session is unknown or closed")
def _(bench: LoggerBench) -> object:
    return bench.tail("unknown")


@_tail(errors.ResourceLostError, "the file was deleted or replaced")
def _(bench: LoggerBench) -> object:
    opened = bench.open("a.log")
    require(REMOVES_OPEN_FILES, "removal of open files")
    (bench.folder / "a.log").unlink()
    return bench.tail(opened.session_name)


@_tail(errors.LimitExceededError, "no file descriptor is left")
def _(bench: LoggerBench) -> None:
    few, process = bench.with_own_process(LIMITED, "NOFILE=280")
    request = ext.TailRequest(session_name=few.initialize("a.log"), follow=True)
    few.log(request.session_name)
    for _ in range(2):  # one connection may not have as many calls open
        tail = json_logger_ext_pb2_grpc.JsonLoggerExtStub(process.channel()).Tail
        for _ in range(150):
            stream = tail(request, metadata=few.user)
            bench.stack.callback(stream.cancel)
            next(stream)


@_rotate(errors.SessionNotFoundError, "the session is unknown, closed or not a log")
def _(bench: LoggerBench) -> None:
    bench.rotate("unknown")


@_rotate(errors.NotPermittedError, "the session belongs to another identity")
def _(bench: LoggerBench) -> None:
    bench.rotate(bench.initialize("a.log"), bench.other)


@_rotate(errors.ResourceInUseError, "a file with the name of the rotated file exists")
def _(bench: LoggerBench) -> None:
    session = bench.initialize("a.log")
    bench.log(session)
    (bench.folder / "a.1.log").touch()
    require(RENAMES_OPEN_FILES, "renaming of open files")
    bench.rotate(session)


@_rotate(errors.ResourceLostError, "the file was deleted or replaced")
def _(bench: LoggerBench) -> None:
    session = bench.initialize("a.log")
    bench.log(session)
    require(REMOVES_OPEN_FILES, "removal of open files")
    (bench.folder / "a.log").unlink()
    bench.rotate(session)


@_share_memory(errors.SessionExpiredError, "as Append")
def _(bench: LoggerBench) -> None:
    opened = bench.open("a.log")
    bench.close(opened.session_name)
    bench.share_memory(opened.attachment)


@_share_memory(errors.SessionNotFoundError, "as Append")
def _(bench: LoggerBench) -> None:
    mixed = bench.with_seams()
    mixed.host.registry.kinds["lock"] = Lock
    mixed.share_memory(mixed.open("a.log", kind="lock").attachment)


@_set_context(errors.InvalidArgumentError, "the context has a wrong key or value")
def _(bench: LoggerBench) -> None:
    bench.set_context(bench.open("a.log").attachment, b'{"status":"passed"}')


@_set_context(errors.SessionExpiredError, "as Append")
def _(bench: LoggerBench) -> None:
    opened = bench.open("a.log")
    bench.close(opened.session_name)
    bench.set_context(opened.attachment)


@_set_context(errors.SessionNotFoundError, "as Append")
def _(bench: LoggerBench) -> None:
    mixed = bench.with_seams()
    mixed.host.registry.kinds["lock"] = Lock
    mixed.set_context(mixed.open("a.log", kind="lock").attachment)


@_locate(errors.InvalidArgumentError, "the name is not that of a log file")
def _(bench: LoggerBench) -> None:
    bench.locate("a.exe")


@_locate(errors.ResourceNotFoundError, "the log does not exist")
def _(bench: LoggerBench) -> None:
    bench.locate("a.log")


@_locate(errors.NotPermittedError, "the name is outside the log folders")
def _(bench: LoggerBench) -> None:
    bench.locate("../../../a.log")
