"""A platform starts only the user's own sequences, and only in the folders that it got."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from as_user import STRANGER, needs_users
from capabilities import HAS_SYMLINKS, needs_modes, needs_names_of_bytes, needs_symlinks
from platform_process import running_platform
from platform_sim.platform import Platform, PlatformOptions
from platform_sim.v1 import sequences_pb2 as pb
from sequence_client import SequenceClient, sequence_client

if TYPE_CHECKING:
    from conftest import Bench

STEP = "[[main]]\nname = 'step'\n"


@pytest.fixture
def folder(bench: Bench) -> Path:
    """Return a folder with the sequence A.seq, beside another folder that the platform lacks."""
    for name in ("given", "other"):
        type(bench)(bench.folder / name).module("unused.py", "")
        type(bench)(bench.folder / name).sequence(STEP, name="A.seq")
    return bench.folder / "given"


@pytest.fixture
def client(folder: Path) -> Iterator[SequenceClient]:
    options = PlatformOptions(sequence_folders=(folder,), has_device_server=False)
    with Platform(options) as platform, sequence_client(platform.discovery_address) as client:
        yield client


def refusal(call: Callable[[], object], code: grpc.StatusCode) -> str:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    assert refused.value.code() is code
    return str(refused.value.details())


def test_sequences_are_listed_by_path_and_new_ones_at_once(
    folder: Path, client: SequenceClient
) -> None:
    assert [one.path for one in client.list().sequences] == [str(folder / "A.seq")]
    text = (folder / "A.seq").read_bytes()
    for name in ("sub/deep/B.SEQ", ".hidden/C.seq", "env/D.seq", "sub/E.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    (folder / "env" / "pyvenv.cfg").touch()
    (folder / "Folder.seq").mkdir()
    if HAS_SYMLINKS:
        (folder / "Link.seq").symlink_to(folder / "A.seq")
        (folder / "out").symlink_to(folder.parent / "other", target_is_directory=True)

    listed = client.list().sequences

    assert [one.path for one in listed] == [str(folder / "A.seq"), str(folder / "sub/deep/B.SEQ")]
    assert {one.folder for one in listed} == {str(folder)}
    assert {one.refusal for one in listed} == {""}
    assert client.finish(client.start(listed[1].path))[-1].ended.outcome == pb.OUTCOME_PASSED


@needs_names_of_bytes
def test_a_name_that_no_message_can_contain_hides_only_itself(
    folder: Path, client: SequenceClient
) -> None:
    Path(os.fsdecode(bytes(folder) + b"/\xff.seq")).write_bytes((folder / "A.seq").read_bytes())
    assert [one.path for one in client.list().sequences] == [str(folder / "A.seq")]


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("{other}/A.seq", grpc.StatusCode.INVALID_ARGUMENT, "'platform-sim up --sequences DIR'"),
        ("{given}/../other/A.seq", grpc.StatusCode.INVALID_ARGUMENT, "not in a folder"),
        pytest.param(
            "{given}/out/A.seq",
            grpc.StatusCode.INVALID_ARGUMENT,
            "not in a folder",
            marks=needs_symlinks,
        ),
        pytest.param(
            "{given}/Out.seq",
            grpc.StatusCode.INVALID_ARGUMENT,
            "not in a folder",
            marks=needs_symlinks,
        ),
        pytest.param(
            "{given}/Text.seq",
            grpc.StatusCode.INVALID_ARGUMENT,
            "not in a folder",
            marks=needs_symlinks,
        ),
        ("{given}-more/A.seq", grpc.StatusCode.INVALID_ARGUMENT, "not in a folder"),
        ("A.seq", grpc.StatusCode.INVALID_ARGUMENT, "is not the absolute path of a .seq file"),
        ("", grpc.StatusCode.INVALID_ARGUMENT, "is not the absolute path of a .seq file"),
        ("{given}/unused.py", grpc.StatusCode.INVALID_ARGUMENT, "absolute path of a .seq file"),
        ("{given}/none.seq", grpc.StatusCode.NOT_FOUND, "does not exist"),
        ("{given}/Folder.seq", grpc.StatusCode.NOT_FOUND, "does not exist"),
        ("{given}/pipe.seq", grpc.StatusCode.NOT_FOUND, "does not exist"),
        ("{given}/circle.seq", grpc.StatusCode.NOT_FOUND, "does not exist"),
        ("{given}/\0.seq", grpc.StatusCode.NOT_FOUND, "does not exist"),
        (
            "{given}/" + "n" * 100_000 + ".seq",
            grpc.StatusCode.NOT_FOUND,
            "does not exist",
        ),
    ],
)
def test_a_file_that_is_no_sequence_of_the_folders_is_refused(
    folder: Path, client: SequenceClient, name: str, code: grpc.StatusCode, told: str
) -> None:
    other = folder.parent / "other"
    if HAS_SYMLINKS:
        (folder / "out").symlink_to(other, target_is_directory=True)
        (folder / "Out.seq").symlink_to(other / "A.seq")
        (folder / "Text.seq").symlink_to(folder / "unused.py")
        (folder / "circle.seq").symlink_to(folder / "circle.seq")
    (folder / "Folder.seq").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.seq")

    path = name.format(given=folder, other=other)

    assert told in refusal(lambda: client.start(path), code)
    assert len(client.list().runs) == 0


def test_a_pin_map_must_be_in_the_folders_too(folder: Path, client: SequenceClient) -> None:
    outside = folder.parent / "other" / "A.pinmap"
    outside.touch()
    sequence = folder / "A.seq"
    for pin_map in (outside, sequence, "A.pinmap"):
        refusal(lambda: client.start(sequence, pin_map), grpc.StatusCode.INVALID_ARGUMENT)  # noqa: B023
    missing = folder / "A.pinmap"
    refusal(lambda: client.start(sequence, missing), grpc.StatusCode.NOT_FOUND)


def test_pin_maps_are_listed_beside_the_sequences(folder: Path, client: SequenceClient) -> None:
    (folder / "sub").mkdir()
    pin_maps = [folder / "A.pinmap", folder / "sub" / "B.PINMAP"]
    for path in (*pin_maps, folder.parent / "other" / "C.pinmap"):
        path.touch()
    listed = client.list()
    assert [one.path for one in listed.pin_maps] == [str(path) for path in pin_maps]
    assert {(one.folder, one.refusal) for one in listed.pin_maps} == {(str(folder), "")}
    assert [one.path for one in listed.sequences] == [str(folder / "A.seq")]


@needs_modes
def test_a_pin_map_that_others_can_write_is_listed_with_the_reason(
    folder: Path, client: SequenceClient
) -> None:
    pin_map = folder / "A.pinmap"
    pin_map.touch()
    pin_map.chmod(0o666)
    (listed,) = client.list().pin_maps
    told = refusal(
        lambda: client.start(folder / "A.seq", pin_map), grpc.StatusCode.FAILED_PRECONDITION
    )
    assert listed.refusal == told


def test_a_serial_number_that_no_process_can_get_is_refused(
    folder: Path, client: SequenceClient
) -> None:
    told = refusal(
        lambda: client.start(folder / "A.seq", uut="7" * 1001), grpc.StatusCode.INVALID_ARGUMENT
    )
    assert "1001 characters" in told
    assert len(client.list().runs) == 0


def file_that_all_write(sequence: Path) -> None:
    sequence.chmod(0o666)


def folder_that_all_write(sequence: Path) -> None:
    sequence.parent.chmod(0o777)


def file_of_another_user(sequence: Path) -> None:
    os.chown(sequence, STRANGER, STRANGER)


def folder_of_another_user(sequence: Path) -> None:
    os.chown(sequence.parent, STRANGER, STRANGER)


def file_that_a_group_writes(sequence: Path) -> None:
    os.chown(sequence, -1, STRANGER)
    sequence.chmod(0o664)


@needs_modes
@pytest.mark.parametrize(
    "change",
    [
        file_that_all_write,
        folder_that_all_write,
        pytest.param(file_of_another_user, marks=needs_users),
        pytest.param(folder_of_another_user, marks=needs_users),
        pytest.param(file_that_a_group_writes, marks=needs_users),
    ],
)
def test_a_sequence_that_others_could_have_written_is_refused_with_the_reason(
    tmp_path: Path, folder: Path, client: SequenceClient, change: Callable[[Path], None]
) -> None:
    sequence = folder / "A.seq"
    change(sequence)

    told = refusal(lambda: client.start(sequence), grpc.StatusCode.FAILED_PRECONDITION)

    owner = f"belongs to another user (id {STRANGER})"
    assert "can be changed by other users" in told or owner in told
    assert "'platform-sim run'" in told
    (listed,) = client.list().sequences
    assert listed.refusal == told
    (tmp_path / "platform").mkdir()
    with running_platform(tmp_path / "platform", "--sequences", folder) as platform:
        assert f"sequences: {sequence} cannot be started: {told}\n" in platform.output
        assert f"sequences: none in {folder}\n" in platform.output


def test_up_says_how_many_sequences_each_folder_has(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "platform").mkdir()
    folders = [folder, folder.parent / "other"]
    options = [option for one in folders for option in ("--sequences", one)]
    with running_platform(tmp_path / "platform", *options) as platform:
        told = [line for line in platform.output if line.startswith("sequences: ")]
        assert told == [f"sequences: 1 in {one}\n" for one in folders]
