"""Waveforms that a client on the server's host hands over as memory are as safe as others."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import numpy as np
import pytest
from as_user import STRANGER, needs_users, run_as, running_as
from capabilities import needs_memory_files
from chaos_proxy import ChaosProxy
from json_logger_client import ConnectOptions, JsonLoggerClient
from json_logger_client.linux_memory import HandingSocket, MemoryFile
from json_logger_client.sender import Sender
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_proto.names import MEMORY_NUMBER
from json_logger_server import linux_memory
from json_logger_server.json_log import Durability
from json_logger_server.storage.verify import verify
from logger_bench import LoggerBench
from logger_process import LoggerProcess
from logger_thread import FaultyDisk, LoggerThread
from processes import eventually
from session_sharing.client import StorageFullError
from session_sharing.v1 import lifecycle_pb2, lifecycle_pb2_grpc
from waveforms import reference, waveforms_in

pytestmark = needs_memory_files

ARRAY = np.arange(40_000.0)


@pytest.fixture
def logger(tmp_path: Path) -> Iterator[LoggerThread]:
    with LoggerThread(tmp_path, FaultyDisk(), Durability.FLUSHED) as started:
        yield started


def bytes_by_memory(logger: LoggerThread) -> int:
    return int(logger.host.counters.read()["bytes_by_memory"])


def server_counter(server: LoggerProcess) -> float:
    with server.channel() as channel:
        info = lifecycle_pb2_grpc.SessionLifecycleStub(channel).GetServerInfo(
            lifecycle_pb2.GetServerInfoRequest()
        )
    return float(info.counters["bytes_by_memory"])


def use_memory(log: JsonLoggerClient) -> None:
    """Log until the client has its socket: it asks for it after the first long waveform."""
    log.log_data("first", {}, {"a": ARRAY})
    wait_for_socket(log._calls)


def wait_for_socket(sender: Sender) -> None:
    eventually(lambda: sender.memory.take(ARRAY.nbytes) is not None)


def test_long_waveforms_after_the_first_come_as_memory_and_bit_for_bit(
    logger: LoggerThread,
) -> None:
    chance = np.random.default_rng(5)
    logged = [
        chance.normal(size=1_000_000),
        chance.normal(size=(200, 300)).T,
        chance.normal(size=80_000)[::-2],
        chance.integers(-9, 9, 200_000).astype(">i2"),
        chance.normal(size=80_000).view("<c16"),
        chance.normal(size=300_000) > 0,
        np.float32(chance.normal(size=300)),
    ]
    with logger.client("a.ndjson") as log:
        use_memory(log)
        before = bytes_by_memory(logger)
        for array in logged:
            log.log_data("m", {"a": array}, {"b": [array, {"c": ARRAY}], "short": [1, 2]})
        taken = bytes_by_memory(logger) - before
    assert taken == sum(2 * array.nbytes + ARRAY.nbytes for array in logged[:-1]) + ARRAY.nbytes
    path = logger.options.roots.folders[0] / "a.ndjson"
    found = waveforms_in(path)[1:]
    expected = [array for one in logged for array in (one, one, ARRAY)]
    for array, original in zip(found, expected, strict=True):
        assert array.dtype == original.dtype.newbyteorder("<")
        assert np.array_equal(array, original)
    assert verify(path).waveforms == len(expected) + 1


def test_a_stream_uses_its_memory_again_and_mixes_nothing_up(logger: LoggerThread) -> None:
    sizes = np.random.default_rng(7).integers(100, 80_000, 300)
    with logger.client("a.ndjson") as log, log.stream() as stream:
        for number, size in enumerate(sizes):
            array = np.full(size, float(number))
            stream.log("m", {}, {"a": array})
            array.fill(-1)  # the caller may change it
        stream.flush()
        assert sum(map(len, stream._sender.memory._unused)) <= 64 << 20
    found = waveforms_in(logger.options.roots.folders[0] / "a.ndjson")
    for number, (array, size) in enumerate(
        zip(found, [size for size in sizes if size >= 256], strict=False)
    ):
        assert array.size == size, number
    assert bytes_by_memory(logger) > 0


def test_unused_memory_is_given_back_when_nothing_is_logged(logger: LoggerThread) -> None:
    with logger.client("a.ndjson") as log:
        use_memory(log)
        for _ in range(3):
            log.log_data("m", {}, {"a": ARRAY})
        assert log._calls.memory._unused
        eventually(lambda: not log._calls.memory._unused)
        log.log_data("m", {}, {"a": ARRAY})


def test_samples_that_do_not_arrive_as_memory_come_in_messages(
    logger: LoggerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logger.client("a.ndjson") as log:
        use_memory(log)
        with monkeypatch.context() as patch:
            patch.setattr(socket, "send_fds", lambda sock, buffers, fds: sock.sendmsg(buffers))
            for number in range(3):
                assert log.log_data("m", {}, {"a": ARRAY + number}) == number + 2
        log.log_data("m", {}, {"a": ARRAY})
    found = waveforms_in(logger.options.roots.folders[0] / "a.ndjson")
    assert [array[0] for array in found] == [0, 0, 1, 2, 0]
    assert bytes_by_memory(logger) == 0


def test_a_client_without_descriptors_sends_samples_in_messages(
    logger: LoggerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(size: int) -> MemoryFile:
        raise OSError(24, "Too many open files")

    with logger.client("a.ndjson") as log:
        use_memory(log)
        monkeypatch.setattr(MemoryFile, "create", refuse)
        log.log_data("m", {}, {"a": np.arange(100_000.0)})
    assert len(waveforms_in(logger.options.roots.folders[0] / "a.ndjson")) == 2


def test_a_server_with_too_many_memory_files_copies_the_next_ones(
    logger: LoggerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux_memory, "_MOST_FILES", 0)
    with logger.client("a.ndjson") as log:
        use_memory(log)
        log.log_data("m", {}, {"a": ARRAY + 1})
    assert bytes_by_memory(logger) == ARRAY.nbytes
    assert waveforms_in(logger.options.roots.folders[0] / "a.ndjson")[1][0] == 1


def test_a_server_offers_few_sockets_and_closes_those_that_nobody_uses(
    logger: LoggerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux_memory, "_MOST_SOCKETS", 2)
    with logger.client("a.ndjson") as log:
        for number in range(6):
            with log.stream() as stream:
                stream.log("m", {}, {"a": ARRAY})
                stream.flush()
                wait_for_socket(stream._sender)
                stream.log("m", {}, {"a": ARRAY + number})
    assert bytes_by_memory(logger) >= 4 * ARRAY.nbytes
    assert len(waveforms_in(logger.options.roots.folders[0] / "a.ndjson")) == 12


def test_a_full_disk_refuses_memory_and_shows_nothing_of_it(logger: LoggerThread) -> None:
    disk = logger.options.disk
    assert isinstance(disk, FaultyDisk)
    folder = logger.options.roots.folders[0]
    with logger.client("a.ndjson") as log:
        use_memory(log)
        size = (folder / "a.waveforms").stat().st_size
        disk.room = 30_000
        with pytest.raises(StorageFullError):
            log.log_data("m", {}, {"a": ARRAY})
        disk.room = None
        assert (folder / "a.waveforms").stat().st_size == size
        assert log.log_data("m", {}, {"a": ARRAY}) == 2


def test_memory_is_written_once_whatever_ends_connections_and_servers(
    tmp_path: Path,
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(LoggerProcess(tmp_path, "--anonymous"))
        proxy = stack.enter_context(ChaosProxy(server.target))
        connect = ConnectOptions(proxy.target, timeout=60.0)
        with JsonLoggerClient("a.ndjson", connection=connect, reset_after_restart=True) as log:
            use_memory(log)
            with log.stream() as stream:
                for number in range(60):
                    if number % 20 == 15:
                        server.kill()
                        server = LoggerProcess(tmp_path, "--anonymous")
                        stack.enter_context(server)
                        proxy.upstream = server.target
                    if number % 4 == 3:
                        proxy.cut()
                    stream.log("m", {}, {"a": np.full(40_000, float(number))})
                    if number % 3 == 2:
                        stream.flush()
                wait_for_socket(stream._sender)
                stream.log("m", {}, {"a": np.full(40_000, 60.0)})
            assert server_counter(server) > 0
    found = waveforms_in(tmp_path / "a.ndjson")[1:]
    assert [array[0] for array in found] == [*range(61)]
    assert all((array == array[0]).all() for array in found)


def test_a_program_that_a_client_starts_inherits_no_memory(logger: LoggerThread) -> None:
    with logger.client("a.ndjson") as log:
        use_memory(log)
        log.log_data("m", {}, {"a": ARRAY})
        links = subprocess.check_output(
            ["ls", "-l", "/proc/self/fd"], text=True, close_fds=False, stderr=subprocess.DEVNULL
        )
    assert "json-logger" not in links


class RawSocket:
    """A client of the server's socket that may send anything."""

    def __init__(self, bench: LoggerBench) -> None:
        self.bench = bench
        self.attachment = bench.open("a.ndjson").attachment
        request = ext.ShareMemoryRequest(attachment=self.attachment)
        offer = bench.ext.ShareMemory(request, metadata=bench.user)
        self.number, self.name = offer.socket, offer.socket_name
        self.seq = 0

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.bench.stack.enter_context(connection)
        connection.connect(f"\0{self.name}")
        return connection

    def append(self, memory: int, array: np.ndarray = ARRAY, **fields: int) -> int:
        """Append a record whose waveform is in a memory; return its number in the file."""
        self.seq += 1
        text = (
            b'{"timestamp":"2026-01-01T00:00:00Z","measurement_name":"m",'
            b'"measurement_configurations":{},"measurement_outputs":{"a":%b}}' % reference(array)
        )
        about = ext.SamplesInMemory(**{"socket": self.number, "number": memory, **fields})
        request = ext.AppendRequest(
            attachment=self.attachment,
            first_client_seq=self.seq,
            count=1,
            ndjson=text,
            in_memory=[about],
        )
        answers = self.bench.ext.AppendStream(iter([request]), metadata=self.bench.user)
        return int(next(answers).first_seq)

    def refusal(self, memory: int, **fields: int) -> str:
        with pytest.raises(grpc.RpcError) as refused:
            self.append(memory, **fields)
        return str(refused.value.details())


@pytest.fixture
def raw(anonymous: LoggerProcess, folder: Path) -> Iterator[RawSocket]:
    with ExitStack() as stack:
        yield RawSocket(LoggerBench(anonymous.connect(), folder, stack))


def memory_of(array: np.ndarray) -> MemoryFile:
    file = MemoryFile.create(array.nbytes)
    file[:] = array.tobytes()
    return file


def hand_over(connection: socket.socket, number: int, array: np.ndarray) -> None:
    file = memory_of(array)
    socket.send_fds(connection, [MEMORY_NUMBER.pack(number)], [file.descriptor])


def test_memory_is_found_by_its_number_whatever_else_came_before_it(raw: RawSocket) -> None:
    connection = raw.connect()
    file = memory_of(ARRAY)
    connection.send(b"short")
    connection.send(MEMORY_NUMBER.pack(3))
    socket.send_fds(connection, [MEMORY_NUMBER.pack(1)], [file.descriptor])
    socket.send_fds(connection, [b"abc"], [file.descriptor, file.descriptor])
    socket.send_fds(connection, [MEMORY_NUMBER.pack(2)], [file.descriptor])
    assert raw.append(2) == 1
    assert "did not get the memory" in raw.refusal(1)
    assert np.array_equal(waveforms_in(raw.bench.folder / "a.ndjson"), [ARRAY])


def test_memory_that_nobody_sent_is_refused_at_once(raw: RawSocket) -> None:
    assert "did not get the memory" in raw.refusal(1)
    connection = raw.connect()
    assert "did not get the memory" in raw.refusal(1)
    assert "did not get the memory" in raw.refusal(1, socket=raw.number + 1)
    assert "1 waveforms" in raw.refusal(1, waveform=7)
    connection.close()
    assert "did not get the memory" in raw.refusal(1)


def test_what_is_no_sealed_memory_is_refused_and_not_read(raw: RawSocket, tmp_path: Path) -> None:
    connection = raw.connect()
    secret = tmp_path / "secret"
    secret.write_bytes(ARRAY.tobytes())
    reader, writer = os.pipe()
    unsealed = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
    os.truncate(unsealed, ARRAY.nbytes)
    handles = [os.open(secret, os.O_RDONLY), os.open("/dev/zero", os.O_RDONLY), reader, unsealed]
    for number, handle in enumerate(handles, start=1):
        socket.send_fds(connection, [MEMORY_NUMBER.pack(number)], [handle])
        assert "cannot be used" in raw.refusal(number)
        os.close(handle)
    os.close(writer)
    hand_over(connection, 9, ARRAY[:9])
    assert "fewer bytes" in raw.refusal(9)
    assert not (raw.bench.folder / "a.waveforms").exists() or not waveforms_in(
        raw.bench.folder / "a.ndjson"
    )


def test_samples_that_change_on_the_way_are_refused_by_their_checksum(raw: RawSocket) -> None:
    connection = raw.connect()
    file = memory_of(ARRAY)
    file[100] = 7
    socket.send_fds(connection, [MEMORY_NUMBER.pack(1)], [file.descriptor])
    assert "crc32" in raw.refusal(1)
    file[:] = ARRAY.tobytes()
    socket.send_fds(connection, [MEMORY_NUMBER.pack(2)], [file.descriptor])
    assert raw.append(2) == 1


def test_the_socket_of_an_attachment_ends_with_it(raw: RawSocket) -> None:
    connection = raw.connect()
    hand_over(connection, 1, ARRAY)
    assert raw.append(1) == 1
    raw.bench.close(raw.bench.open("a.ndjson").session_name)

    connection.settimeout(30)
    assert connection.recv(1) == b""


def test_a_flood_of_descriptors_neither_fills_the_server_nor_stops_it(raw: RawSocket) -> None:
    connection = raw.connect()
    connection.setblocking(False)
    file = memory_of(ARRAY)
    sent = 0
    try:
        while sent < 100_000:
            socket.send_fds(connection, [MEMORY_NUMBER.pack(sent + 10)], [file.descriptor])
            sent += 1
    except OSError:
        pass
    assert sent < 100_000
    assert "did not get the memory" in raw.refusal(5)
    socket.send_fds(connection, [MEMORY_NUMBER.pack(6)], [file.descriptor])
    assert raw.append(6) == 1


_STRANGER = """
name, number = sys.argv[2], int(sys.argv[3])
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect(chr(0) + name)
memory = os.memfd_create("stranger", os.MFD_ALLOW_SEALING)
os.truncate(memory, 80_000)
fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
socket.send_fds(connection, [number.to_bytes(8, "little")], [memory])
print("sent")
"""


@needs_users
def test_memory_of_another_user_is_not_taken(raw: RawSocket) -> None:
    script = run_as(STRANGER, _STRANGER, raw.name, 1, imports="import fcntl, socket")
    assert script == ["sent"]
    connection = raw.connect()
    assert "did not get the memory" in raw.refusal(1)
    hand_over(connection, 1, ARRAY)
    assert raw.append(1) == 1


_LISTENER = """
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(chr(0) + sys.argv[2])
listener.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@needs_users
def test_a_client_hands_nothing_to_a_socket_of_another_user(tmp_path: Path) -> None:
    name = f"json-logger-{os.urandom(16).hex()}"
    offer = ext.ShareMemoryResponse(socket_name=name, socket=1)
    with (
        running_as(STRANGER, _LISTENER, name, imports="import socket") as line,
        pytest.raises(PermissionError),
    ):
        assert line == "listens"
        HandingSocket(offer)


@pytest.mark.parametrize("name", ["", "X11", "json-logger-", "json-logger-" + "0" * 31 + "/"])
def test_a_client_connects_to_no_other_socket_that_a_server_names(name: str) -> None:
    with pytest.raises(ConnectionRefusedError, match="no socket for memory"):
        HandingSocket(ext.ShareMemoryResponse(socket_name=name))
