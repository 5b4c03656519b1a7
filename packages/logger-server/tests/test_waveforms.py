"""P1 to P3, P6, P10 for waveforms: the samples are in their file when the record is, or neither."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
from capabilities import SYNCS_FOLDERS, needs_whole_sends
from chaos_proxy import ChaosProxy
from json_logger_client import ConnectOptions, JsonLoggerClient
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_proto.ext.v1 import json_logger_ext_pb2_grpc
from json_logger_proto.names import MOST_SAMPLE_BYTES
from json_logger_server.batch import PendingBatch
from json_logger_server.json_log import Durability, JsonLog
from json_logger_server.records import decode_batch
from json_logger_server.storage.log_file import LogFile
from json_logger_server.storage.verify import verify
from json_logger_server.waveforms import take_waveforms
from logger_bench import LoggerBench
from logger_process import LoggerProcess, names_in, records_in
from logger_thread import FaultyDisk, LoggerThread
from open_files import name_of
from processes import eventually
from session_sharing.client import (
    LimitExceededError,
    NotAResourceError,
    ResourceLostError,
    SessionSharingError,
    StorageFullError,
)
from waveforms import reference, waveforms_in, waveforms_of_record

ARRAY = np.arange(1000.0)


def record(outputs: bytes, configurations: bytes = b"{}", name: str = "m") -> bytes:
    return (
        b'{"timestamp":"2026-01-01T00:00:00Z","measurement_name":"%b",'
        b'"measurement_configurations":%b,"measurement_outputs":%b}'
        % (name.encode(), configurations, outputs)
    )


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}


def test_a_waveform_that_cannot_be_written_disturbs_no_record_of_the_same_group(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.ndjson"
    path.with_suffix(".waveforms").write_text("another program's")

    async def run() -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0))
        loop = asyncio.get_running_loop()
        log = JsonLog(LogFile(handle, path), loop, Durability.FLUSHED, ThreadPoolExecutor(1))
        batches = []
        for number, samples in enumerate([b"", ARRAY.tobytes(), b""], start=1):
            records = decode_batch(record(b'{"a":%b}' % GOOD if samples else b"{}"), 1)
            batches.append(PendingBatch(records, f"client {number}", 1))
            batches[-1].waveforms = take_waveforms(records, [samples])
            log.append(batches[-1])
        assert await batches[0].outcome() == 1
        with pytest.raises(NotAResourceError):
            await batches[1].outcome()
        assert await batches[2].outcome() == 2
        await asyncio.to_thread(log.close)

    asyncio.run(run())
    assert [found["client"] for found in records_in(path)] == ["client 1", "client 3"]


@pytest.mark.parametrize("most", [20_000, pytest.param(1_000_000, marks=needs_whole_sends)])
def test_what_is_logged_is_read_by_numpy_from_the_file_beside_the_log(
    own_logger: LoggerProcess, most: int
) -> None:
    path = own_logger.folder / "a.ndjson"
    chance = np.random.default_rng(3)
    logged = [
        chance.normal(size=most),
        chance.integers(-9, 9, (30, 40)).astype("<i2"),
        chance.normal(size=(300, 2)).view("<c16"),
        chance.normal(size=999) > 0,
    ]
    with own_logger.client("a.ndjson") as log:
        log.log_data("call", {"a": logged[0]}, {"b": [1, {"c": logged[1]}]})
        with log.stream() as stream:
            stream.log("short", {}, {"a": np.arange(3)})
            stream.log("stream", {}, {"a": logged[2]})
            stream.log("stream", {"text": '{"$waveform":{"offset":0,'}, {"a": logged[3]})
    found = waveforms_in(path)
    assert len(found) == len(logged)
    for array, original in zip(found, logged, strict=True):
        assert array.dtype == original.dtype
        assert np.array_equal(array, original)
    assert verify(path).waveforms == 4
    assert sorted(sizes(own_logger.folder)) == ["a.ndjson", "a.waveforms", "server.err"]


def test_a_log_without_waveforms_has_no_second_file(own_logger: LoggerProcess) -> None:
    with own_logger.client("a.ndjson") as log:
        log.log_data("m", {}, {"a": np.arange(9), "b": [1.0] * 1000})
    assert "a.waveforms" not in sizes(own_logger.folder)


@needs_whole_sends
def test_waveforms_of_several_clients_and_of_any_size_do_not_mix(
    own_logger: LoggerProcess,
) -> None:
    def write(number: int) -> None:
        chance = np.random.default_rng(number)
        with own_logger.client("a.ndjson") as log, log.stream() as stream:
            for count in (10, 300, 200_000, 1, 400_000, 1000):
                values = {"a": np.full(count, number), "b": np.full(count + 300, number)}
                if chance.random() < 0.5:
                    log.log_data(str(number), {}, values)
                else:
                    stream.log(str(number), {}, values)

    with own_logger.client("a.ndjson"):
        writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    path = own_logger.folder / "a.ndjson"
    assert verify(path).problem is None
    records = records_in(path)
    assert len(records) == 24
    for found in records:
        for array in waveforms_of_record(path, found):
            assert (array == int(found["measurement_name"])).all()


@needs_whole_sends
@pytest.mark.parametrize("how", ["tail", "file"])
def test_who_follows_a_live_log_never_meets_a_record_before_its_samples(
    how: str, own_logger: LoggerProcess
) -> None:
    path, count = own_logger.folder / "a.ndjson", 60
    with own_logger.client("a.ndjson") as log:

        def write() -> None:
            with log.stream() as stream:
                for number in range(count):
                    stream.log("m", {}, {"a": np.full(50_000 + number, number)})

        def tailed() -> Iterator[bytes]:
            stub = json_logger_ext_pb2_grpc.JsonLoggerExtStub(log.connection.channel)
            request = ext.TailRequest(session_name=log.session_name, follow=True)
            for answer in stub.Tail(request):
                yield from answer.ndjson.splitlines()

        def read() -> Iterator[bytes]:
            with path.open("rb") as file:
                line = b""
                while True:
                    line += file.readline()
                    if line.endswith(b"\n"):
                        yield line
                        line = b""
                    else:
                        file.seek(0, os.SEEK_CUR)  # Wine's C library remembers an end of the file

        writer = threading.Thread(target=write)
        writer.start()
        lines = tailed() if how == "tail" else read()
        for number, line in zip(range(count), lines, strict=False):
            (array,) = waveforms_of_record(path, json.loads(line))
            assert (array == number).all()
        writer.join()


def test_a_retry_writes_the_samples_once(own_logger: LoggerProcess) -> None:
    path = own_logger.folder / "a.ndjson"
    with ChaosProxy(own_logger.target) as proxy:
        connect = ConnectOptions(proxy.target, own_logger.token, window=5.0)
        with JsonLoggerClient("a.ndjson", connection=connect) as log:
            log.log_data("first", {}, {"a": ARRAY})
            proxy.loses_replies = True
            call = threading.Thread(target=log.log_data, args=("lost reply", {}, {"a": ARRAY + 1}))
            call.start()
            eventually(lambda: "lost reply" in names_in(path))
            proxy.loses_replies = False
            proxy.cut()
            call.join()
            log.log_data("last", {}, {"a": ARRAY + 2})
    assert names_in(path) == ["first", "lost reply", "last"]
    assert [int(array[0]) for array in waveforms_in(path)] == [0, 1, 2]
    assert sizes(own_logger.folder)["a.waveforms"] == 64 + 3 * ARRAY.nbytes


@pytest.fixture
def bench(anonymous: LoggerProcess, folder: Path) -> Iterator[LoggerBench]:
    with ExitStack() as stack:
        yield LoggerBench(anonymous.connect(), folder, stack)


GOOD = reference(ARRAY)
BAD: dict[str, tuple[bytes, bytes]] = {
    "no samples": (record(b'{"a":%b}' % GOOD), b""),
    "half the samples": (record(b'{"a":%b}' % GOOD), ARRAY.tobytes()[:4000]),
    "too many samples": (record(b'{"a":%b}' % GOOD), ARRAY.tobytes() + b"\0"),
    "samples without a reference": (record(b'{"a":1}'), ARRAY.tobytes()),
    "two references to the same samples": (
        record(b'{"a":%b,"b":%b}' % (GOOD, GOOD)),
        ARRAY.tobytes(),
    ),
    "other samples": (record(b'{"a":%b}' % GOOD), (ARRAY + 1).tobytes()),
    "an own offset": (record(b'{"a":%b}' % reference(ARRAY, offset=64)), ARRAY.tobytes()),
    "no checksum": (record(b'{"a":%b}' % reference(ARRAY, crc32=None)), ARRAY.tobytes()),
    "a wrong shape": (record(b'{"a":%b}' % reference(ARRAY, shape=[3, 4])), ARRAY.tobytes()),
    "a negative shape": (
        record(b'{"a":%b}' % reference(ARRAY, shape=[-10, -100])),
        ARRAY.tobytes(),
    ),
    "a fraction as count": (record(b'{"a":%b}' % reference(ARRAY, count=1e3)), ARRAY.tobytes()),
    "an unknown dtype": (record(b'{"a":%b}' % reference(ARRAY, dtype="|O8")), ARRAY.tobytes()),
    "big-endian samples": (record(b'{"a":%b}' % reference(ARRAY, dtype=">f8")), ARRAY.tobytes()),
    "an unknown field": (record(b'{"a":%b}' % reference(ARRAY, file="x")), ARRAY.tobytes()),
    "a time that is a number": (record(b'{"a":%b}' % reference(ARRAY, t0=1)), ARRAY.tobytes()),
    "an interval that is text": (record(b'{"a":%b}' % reference(ARRAY, dt="1")), ARRAY.tobytes()),
    "a field twice": (
        record(b'{"a":%b}' % GOOD.replace(b'"count":', b'"count":1,"count":')),
        ARRAY.tobytes(),
    ),
    "a key beside it": (record(b'{"a":%b,"b":1}}' % GOOD[:-1]), ARRAY.tobytes()),
    "spaces": (record(b'{"a":%b}' % GOOD.replace(b":{", b": {")), ARRAY.tobytes()),
    "an escaped key": (
        record(b'{"a":%b}' % GOOD.replace(b"$waveform", b"\\u0024w\\u0061veform")),
        ARRAY.tobytes(),
    ),
    "an escaped key and no samples": (
        record(b'{"a":%b}' % GOOD.replace(b"$", b"\\u0024")),
        b"",
    ),
    "the key with another value": (record(b'{"$waveform":1}'), b""),
    "the key as the whole outputs": (record(GOOD.replace(b'"crc32"', b'"crc"')), ARRAY.tobytes()),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_reference_or_wrong_samples_are_refused_and_leave_nothing(
    case: str, bench: LoggerBench
) -> None:
    attachment = bench.open("a.ndjson").attachment
    bench.append(attachment, record(b'{"a":%b}' % GOOD), samples=ARRAY.tobytes())
    before = sizes(bench.folder)
    ndjson, samples = BAD[case]
    for seq in (2, 3):
        with pytest.raises(grpc.RpcError) as refused:
            bench.append(attachment, ndjson, seq, samples=samples)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "ecord" in str(refused.value.details())
        assert sizes(bench.folder) == before
    bench.append(attachment, record(b"%b" % GOOD, b'{"$":"$waveform"}'), 4, samples=ARRAY.tobytes())
    assert len(waveforms_in(bench.folder / "a.ndjson")) == 2


def test_an_attachment_that_has_ended_writes_no_samples(bench: LoggerBench) -> None:
    old = bench.open("a.ndjson")
    bench.append(old.attachment, record(b'{"a":%b}' % GOOD), samples=ARRAY.tobytes())
    bench.close(old.session_name)
    bench.open("a.ndjson")
    before = sizes(bench.folder)
    with pytest.raises(grpc.RpcError) as refused:
        bench.append(old.attachment, record(b'{"a":%b}' % GOOD), 2, samples=ARRAY.tobytes())
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert sizes(bench.folder) == before


def test_the_file_does_not_depend_on_the_pieces_in_which_samples_come(bench: LoggerBench) -> None:
    attachment = bench.open("a.ndjson").attachment
    text = record(b'{"a":%b,"b":%b}' % (GOOD, reference(ARRAY + 1)))
    samples = ARRAY.tobytes() + (ARRAY + 1).tobytes()

    def pieces() -> Iterator[ext.AppendRequest]:
        about = {"attachment": attachment, "first_client_seq": 1, "count": 1}
        yield ext.AppendRequest(**about, samples=samples[:7], ndjson=text[:50], continued=True)
        yield ext.AppendRequest(**about, continued=True)
        yield ext.AppendRequest(**about, samples=samples[7:9000], continued=True)
        yield ext.AppendRequest(**about, ndjson=text[50:], samples=samples[9000:])

    answers = bench.ext.AppendStream(pieces(), metadata=bench.user)
    assert next(answers).first_seq == 1
    found = waveforms_in(bench.folder / "a.ndjson")
    assert np.array_equal(found, [ARRAY, ARRAY + 1])


def test_a_record_with_too_many_samples_is_refused_and_the_log_continues(
    own_logger: LoggerProcess,
) -> None:
    huge = np.zeros(MOST_SAMPLE_BYTES // 8 + 1)
    with own_logger.client("a.ndjson") as log, log.stream() as stream:
        for method in (log.log_data, stream.log):
            with pytest.raises(LimitExceededError, match="waveforms of") as refused:
                method("m", {}, {"a": huge})
            assert refused.value.details["limit"] == "message_bytes"
        log.log_data("m", {}, {"a": ARRAY})
    assert len(waveforms_in(own_logger.folder / "a.ndjson")) == 1


def test_the_server_bounds_the_samples_of_a_batch_itself(bench: LoggerBench) -> None:
    attachment = bench.open("a.ndjson").attachment
    piece = bytes(2 << 20)

    def endless() -> Iterator[ext.AppendRequest]:
        about = {"attachment": attachment, "first_client_seq": 1, "count": 1}
        while True:
            yield ext.AppendRequest(**about, samples=piece, continued=True)

    with pytest.raises(grpc.RpcError) as refused:
        list(bench.ext.AppendStream(endless(), metadata=bench.user))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_waveform_of_a_hundred_megabytes_is_logged(own_logger: LoggerProcess) -> None:
    samples = np.arange(50_000_000, dtype="<i2")
    with own_logger.client("a.ndjson") as log:
        log.connection.options = own_logger.connect(timeout=60.0)
        log.log_data("m", {}, {"a": samples})
    (found,) = waveforms_in(own_logger.folder / "a.ndjson")
    assert np.array_equal(found, samples)


def test_a_full_disk_refuses_a_waveform_and_shows_nothing_of_it(tmp_path: Path) -> None:
    disk, path = FaultyDisk(), tmp_path / "a.ndjson"
    with (
        LoggerThread(tmp_path, disk, Durability.FLUSHED) as logger,
        logger.client("a.ndjson") as log,
        logger.client("b.ndjson") as other,
    ):
        log.log_data("before", {}, {"a": ARRAY})
        before = sizes(tmp_path)
        for room in (ARRAY.nbytes - 1, ARRAY.nbytes + 50, 0, 1):
            disk.room = room
            with pytest.raises(StorageFullError):
                log.log_data("refused", {}, {"a": ARRAY + 1})
            assert disk.room == room
            assert sizes(tmp_path) == before
        disk.room = 1000
        log.log_data("a small record still fits", {}, {})
        other.log_data("so does another's", {}, {})
        disk.room = None
        log.log_data("after", {}, {"a": ARRAY + 2})
    assert names_in(path) == ["before", "a small record still fits", "after"]
    assert np.array_equal(waveforms_in(path), [ARRAY, ARRAY + 2])


def test_a_really_full_disk_refuses_the_first_waveform_and_takes_it_later(
    small_disk: Path, tmp_path: Path
) -> None:
    other, path = small_disk / "other", small_disk / "a.ndjson"
    with LoggerProcess(tmp_path) as logger, logger.client(str(path)) as log:
        log.log_data("m", {}, {})
        other.write_bytes(b"x" * (120 * 1024))
        with pytest.raises(StorageFullError):
            log.log_data("refused", {}, {"a": np.arange(10_000.0)})
        log.log_data("m", {}, {})
        other.unlink()
        log.log_data("m", {}, {"a": np.arange(10_000.0)})
    assert names_in(path) == ["m"] * 3
    assert np.array_equal(waveforms_in(path), [np.arange(10_000.0)])


def test_a_record_that_the_disk_refuses_takes_its_samples_back(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with (
        LoggerThread(tmp_path, disk, Durability.FLUSHED) as logger,
        logger.client("a.ndjson") as log,
    ):
        log.log_data("before", {}, {"a": ARRAY})
        before = sizes(tmp_path)
        for failing in ({"a.ndjson": {"write"}}, {"a.waveforms": {"write"}}):
            disk.failing = failing
            with pytest.raises(SessionSharingError):
                log.log_data("refused", {}, {"a": ARRAY + 1})
            assert sizes(tmp_path) == before
            disk.failing = {}
            log.reset()
        log.log_data("after", {}, {"a": ARRAY + 2})
    assert np.array_equal(waveforms_in(tmp_path / "a.ndjson"), [ARRAY, ARRAY + 2])


def test_samples_that_cannot_be_taken_back_harm_nobody(tmp_path: Path) -> None:
    disk, path = FaultyDisk(), tmp_path / "a.ndjson"
    with (
        LoggerThread(tmp_path, disk, Durability.FLUSHED) as logger,
        logger.client("a.ndjson") as log,
    ):
        log.log_data("before", {}, {"a": ARRAY})
        disk.failing, disk.room = {"a.waveforms": {"truncate"}}, 5000
        with pytest.raises(StorageFullError):
            log.log_data("refused", {}, {"a": ARRAY + 1})
        disk.failing, disk.room = {}, None
        log.log_data("after", {}, {"a": ARRAY + 2})
    assert np.array_equal(waveforms_in(path), [ARRAY, ARRAY + 2])
    assert verify(path).problem is None


def test_samples_are_on_the_disk_before_their_record_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test cannot cut the power. It checks the order in which the server asks to write."""
    asked: list[tuple[str, Path]] = []

    class WatchedDisk(FaultyDisk):
        def write(self, handle: int, data: memoryview) -> int:
            asked.append(("write", name_of(handle)))
            return super().write(handle, data)

        def sync(self, handle: int) -> None:
            asked.append(("sync", name_of(handle)))
            super().sync(handle)

    fsync = os.fsync

    def watched_fsync(handle: int) -> None:
        asked.append(("sync", name_of(handle)))
        fsync(handle)

    with (
        LoggerThread(tmp_path, WatchedDisk(), Durability.DURABLE) as logger,
        logger.client("a.ndjson") as log,
    ):
        asked.clear()
        if SYNCS_FOLDERS:  # elsewhere the disk itself may use fsync
            monkeypatch.setattr(os, "fsync", watched_fsync)
        log.log_data("m", {}, {"a": ARRAY})
        monkeypatch.undo()
    text, samples = tmp_path / "a.ndjson", tmp_path / "a.waveforms"
    created = [("write", samples), *([("sync", tmp_path)] if SYNCS_FOLDERS else [])]
    written = [("write", samples), ("sync", samples), ("write", text), ("sync", text)]
    assert asked == [*created, *written]


def test_a_log_whose_samples_cannot_be_synced_is_lost_with_a_clear_error(tmp_path: Path) -> None:
    disk = FaultyDisk()
    with (
        LoggerThread(tmp_path, disk, Durability.DURABLE) as logger,
        logger.client("a.ndjson") as log,
    ):
        log.log_data("before", {}, {"a": ARRAY})
        disk.failing = {"a.waveforms": {"sync"}}
        with pytest.raises(ResourceLostError, match=r"cannot write .*a\.waveforms to the disk"):
            log.log_data("refused", {}, {"a": ARRAY})
        disk.failing = {}
        log.reset()
        log.log_data("after", {}, {"a": ARRAY})
    assert names_in(tmp_path / "a.ndjson") == ["before", "after"]
    assert len(waveforms_in(tmp_path / "a.ndjson")) == 2


@pytest.mark.parametrize("change", ["delete", "replace", "append"])
def test_samples_are_never_written_into_another_programs_bytes(
    change: str, own_logger: LoggerProcess
) -> None:
    samples = own_logger.folder / "a.waveforms"
    with own_logger.client("a.ndjson") as log:
        log.log_data("m", {}, {"a": ARRAY})
        if change == "append":
            with samples.open("ab") as file:
                file.write(b"more")
        else:
            if os.name == "nt":
                pytest.skip("Windows neither removes nor replaces open files")
            content = samples.read_bytes()
            samples.unlink()
            if change == "replace":
                samples.write_bytes(content)
        with pytest.raises(ResourceLostError, match="deleted, replaced or changed"):
            log.log_data("m", {}, {"a": ARRAY})
    assert names_in(own_logger.folder / "a.ndjson") == ["m"]


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.soak)])
@pytest.mark.timeout(900)
def test_the_memory_of_the_server_does_not_grow_with_the_waveforms(
    own_logger: LoggerProcess, count: int
) -> None:
    array = np.random.default_rng(1).normal(size=1_000_000)
    process = psutil.Process(own_logger.pid)
    path = own_logger.folder / "a.ndjson"
    with own_logger.client("a.ndjson") as log:

        def send(times: int) -> None:
            for _ in range(times):
                log.log_data("scope", {}, {"waveform": array})

        send(10)  # buffers reach their size
        before = process.memory_info().rss
        most = before
        for _ in range(count // 10):
            send(10)
            most = max(most, process.memory_info().rss)
    assert most - before < 4 * array.nbytes, f"{(most - before) / 1e6:.0f} MB more"
    (last,) = waveforms_of_record(path, records_in(path)[-1])
    assert np.array_equal(last, array)
