"""On Linux, a server takes the memory files of its own user, and no file that could hurt it."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from as_user import STRANGER, needs_users, run_as, running_as
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_proto.memory import NUMBER
from json_logger_proto.names import MOST_SAMPLE_BYTES
from logger_bench import RECORD, LoggerBench
from logger_process import LoggerProcess
from logger_thread import LoggerThread
from memory_use import (
    ARRAY,
    bytes_by_memory,
    use_memory,
    wait_for_memory,
)
from raw_memory import RawMemory
from waveforms import waveforms_in

if sys.platform != "linux":
    pytest.skip("no memory files", allow_module_level=True)
of_client = importlib.import_module("json_logger_client.linux_memory")
of_server = importlib.import_module("json_logger_server.linux_memory")


def test_samples_that_do_not_arrive_as_memory_come_in_messages(
    logger_thread: LoggerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    with logger_thread.client("a.ndjson") as log:
        use_memory(log)
        with monkeypatch.context() as patch:
            patch.setattr(socket, "send_fds", lambda sock, buffers, fds: sock.sendmsg(buffers))
            for number in range(3):
                assert log.log_data("m", {}, {"a": ARRAY + number}) == number + 2
        log.log_data("m", {}, {"a": ARRAY})
    found = waveforms_in(logger_thread.options.roots.folders[0] / "a.ndjson")
    assert [array[0] for array in found] == [0, 0, 1, 2, 0]
    assert bytes_by_memory(logger_thread) == 0


def test_a_client_without_descriptors_sends_samples_in_messages(
    logger_thread: LoggerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(size: int) -> Any:
        raise OSError(24, "Too many open files")

    with logger_thread.client("a.ndjson") as log:
        use_memory(log)
        monkeypatch.setattr(of_client.MemoryFile, "create", refuse)
        log.log_data("m", {}, {"a": np.arange(100_000.0)})
    assert len(waveforms_in(logger_thread.options.roots.folders[0] / "a.ndjson")) == 2


def test_a_server_with_too_many_memory_files_copies_the_next_ones(
    logger_thread: LoggerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_server, "_MOST_FILES", 0)
    with logger_thread.client("a.ndjson") as log:
        use_memory(log)
        log.log_data("m", {}, {"a": ARRAY + 1})
    assert bytes_by_memory(logger_thread) == ARRAY.nbytes
    assert waveforms_in(logger_thread.options.roots.folders[0] / "a.ndjson")[1][0] == 1


def test_a_server_offers_few_sockets_and_closes_those_that_nobody_uses(
    logger_thread: LoggerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_server, "_MOST_SOCKETS", 2)
    with logger_thread.client("a.ndjson") as log:
        for number in range(6):
            with log.stream() as stream:
                stream.log("m", {}, {"a": ARRAY})
                stream.flush()
                wait_for_memory(stream._sender)
                stream.log("m", {}, {"a": ARRAY + number})
    assert bytes_by_memory(logger_thread) >= 4 * ARRAY.nbytes
    assert len(waveforms_in(logger_thread.options.roots.folders[0] / "a.ndjson")) == 12


def test_a_program_that_a_client_starts_inherits_no_memory(logger_thread: LoggerThread) -> None:
    with logger_thread.client("a.ndjson") as log:
        use_memory(log)
        log.log_data("m", {}, {"a": ARRAY})
        links = subprocess.check_output(
            ["ls", "-l", "/proc/self/fd"], text=True, close_fds=False, stderr=subprocess.DEVNULL
        )
    assert "json-logger" not in links


class RawSocket(RawMemory):
    """A client that may send anything over its socket."""

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.bench.stack.enter_context(connection)
        connection.connect(f"\0{self.offer.socket_name}")
        return connection

    def append_file(self, number: int) -> int:
        """Append a record whose waveform is in a file that was sent with a number."""
        return self.append(self.about(number))

    def refusal_of_file(self, number: int) -> str:
        return self.refusal(self.about(number))

    def about(self, number: int, **fields: int) -> ext.SamplesInMemory:
        return ext.SamplesInMemory(**{"socket": self.offer.socket, "number": number, **fields})


@pytest.fixture
def raw(anonymous: LoggerProcess, folder: Path) -> Iterator[RawSocket]:
    with ExitStack() as stack:
        yield RawSocket(LoggerBench(anonymous.connect(), folder, stack))


def memory_of(array: np.ndarray) -> Any:
    file = of_client.MemoryFile.create(array.nbytes)
    file[:] = array.tobytes()
    return file


def hand_over(connection: socket.socket, number: int, array: np.ndarray) -> None:
    file = memory_of(array)
    socket.send_fds(connection, [NUMBER.pack(number)], [file.descriptor])


def test_memory_is_found_by_its_number_whatever_else_came_before_it(raw: RawSocket) -> None:
    connection = raw.connect()
    file = memory_of(ARRAY)
    connection.send(b"short")
    connection.send(NUMBER.pack(3))
    socket.send_fds(connection, [NUMBER.pack(1)], [file.descriptor])
    socket.send_fds(connection, [b"abc"], [file.descriptor, file.descriptor])
    socket.send_fds(connection, [NUMBER.pack(2)], [file.descriptor])
    assert raw.append_file(2) == 1
    assert "did not get the memory" in raw.refusal_of_file(1)
    assert np.array_equal(waveforms_in(raw.folder / "a.ndjson"), [ARRAY])


def test_memory_that_nobody_sent_is_refused_at_once(raw: RawSocket) -> None:
    assert "did not get the memory" in raw.refusal_of_file(1)
    connection = raw.connect()
    assert "did not get the memory" in raw.refusal_of_file(1)
    assert "did not get the memory" in raw.refusal(raw.about(1, socket=raw.offer.socket + 1))
    assert "1 waveforms" in raw.refusal(raw.about(1, waveform=7))
    connection.close()
    assert "did not get the memory" in raw.refusal_of_file(1)


def test_the_samples_of_a_batch_are_bounded_also_in_memory(raw: RawSocket) -> None:
    connection = raw.connect()
    file = of_client.MemoryFile.create(MOST_SAMPLE_BYTES + 8)
    socket.send_fds(connection, [NUMBER.pack(1)], [file.descriptor])
    huge = np.broadcast_to(np.zeros(1), MOST_SAMPLE_BYTES // 8 + 1)
    assert f"more than {MOST_SAMPLE_BYTES} bytes" in raw.refusal(raw.about(1), huge)


def test_memory_without_a_reference_is_refused(raw: RawSocket) -> None:
    request = ext.AppendRequest(
        attachment=raw.attachment,
        first_client_seq=1,
        count=1,
        ndjson=RECORD,
        in_memory=[raw.about(1)],
    )
    with pytest.raises(grpc.RpcError) as refused:
        raw.bench.ext.Append(request, metadata=raw.bench.user)
    assert "refer to 0 waveforms" in str(refused.value.details())


def test_what_is_no_sealed_memory_is_refused_and_not_read(raw: RawSocket, tmp_path: Path) -> None:
    connection = raw.connect()
    secret = tmp_path / "secret"
    secret.write_bytes(ARRAY.tobytes())
    reader, writer = os.pipe()
    unsealed = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
    os.truncate(unsealed, ARRAY.nbytes)
    handles = [os.open(secret, os.O_RDONLY), os.open("/dev/zero", os.O_RDONLY), reader, unsealed]
    for number, handle in enumerate(handles, start=1):
        socket.send_fds(connection, [NUMBER.pack(number)], [handle])
        assert "cannot be used" in raw.refusal_of_file(number)
        os.close(handle)
    os.close(writer)
    hand_over(connection, 9, ARRAY[:9])
    assert "fewer bytes" in raw.refusal_of_file(9)
    assert not (raw.folder / "a.waveforms").exists() or not waveforms_in(raw.folder / "a.ndjson")


def test_samples_that_change_on_the_way_are_refused_by_their_checksum(raw: RawSocket) -> None:
    connection = raw.connect()
    file = memory_of(ARRAY)
    file[100] = 7
    socket.send_fds(connection, [NUMBER.pack(1)], [file.descriptor])
    assert "crc32" in raw.refusal_of_file(1)
    file[:] = ARRAY.tobytes()
    socket.send_fds(connection, [NUMBER.pack(2)], [file.descriptor])
    assert raw.append_file(2) == 1


def test_the_socket_of_an_attachment_ends_with_it(raw: RawSocket) -> None:
    connection = raw.connect()
    hand_over(connection, 1, ARRAY)
    assert raw.append_file(1) == 1
    raw.bench.close(raw.session_name)

    connection.settimeout(30)
    assert connection.recv(1) == b""


def test_a_flood_of_descriptors_neither_fills_the_server_nor_stops_it(raw: RawSocket) -> None:
    connection = raw.connect()
    connection.setblocking(False)
    file = memory_of(ARRAY)
    sent = 0
    try:
        while sent < 100_000:
            socket.send_fds(connection, [NUMBER.pack(sent + 10)], [file.descriptor])
            sent += 1
    except OSError:
        pass
    assert sent < 100_000
    assert "did not get the memory" in raw.refusal_of_file(5)
    socket.send_fds(connection, [NUMBER.pack(6)], [file.descriptor])
    assert raw.append_file(6) == 1


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
    script = run_as(STRANGER, _STRANGER, raw.offer.socket_name, 1, imports="import fcntl, socket")
    assert script == ["sent"]
    connection = raw.connect()
    assert "did not get the memory" in raw.refusal_of_file(1)
    hand_over(connection, 1, ARRAY)
    assert raw.append_file(1) == 1


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
        of_client.HandingSocket(offer)


@pytest.mark.parametrize("name", ["", "X11", "json-logger-", "json-logger-" + "0" * 31 + "/"])
def test_a_client_connects_to_no_other_socket_that_a_server_names(name: str) -> None:
    with pytest.raises(ConnectionRefusedError, match="no socket for memory"):
        of_client.HandingSocket(ext.ShareMemoryResponse(socket_name=name))
