"""The device server reads and writes attribute configurations only in its folders."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import grpc
import nidmm
import pytest
from as_user import needs_users
from capabilities import needs_fifos, needs_symlinks
from device_process import running_device_sim
from device_sim import DeviceServer

READING_FAILED = -1074135037
WRITING_FAILED = -1074135036

CONFIGURATION = b'{"device_sim": 1}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which the server is started."""
    folder = tmp_path / "started_in"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def server(folder, clock):
    server = DeviceServer(clock=clock)
    yield server
    server.stop()


def refused(code, told, action):
    with pytest.raises(nidmm.errors.DriverError) as caught:
        action()
    assert caught.value.code == code
    assert told in str(caught.value)


def export_refused(session, path, told):
    refused(
        WRITING_FAILED, told, lambda: session.export_attribute_configuration_file(os.fspath(path))
    )


def import_refused(session, path, told):
    refused(
        READING_FAILED, told, lambda: session.import_attribute_configuration_file(os.fspath(path))
    )


def test_the_folder_that_the_server_was_started_in_is_a_place_for_files(open_dmm, folder):
    dmm = open_dmm()
    dmm.trigger_delay = 0.25
    dmm.export_attribute_configuration_file(str(folder / "a.nidmmconfig"))
    dmm.trigger_delay = 0.5
    dmm.import_attribute_configuration_file("a.nidmmconfig")  # as seen from that folder
    assert dmm.trigger_delay.total_seconds() == 0.25


def test_the_server_has_a_temporary_folder_that_ends_with_it(open_dmm, server):
    temporary = server.file_roots[-1]
    if sys.platform != "win32":
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o700
    dmm = open_dmm()
    dmm.export_attribute_configuration_file(str(temporary / "a.json"))
    dmm.import_attribute_configuration_file(str(temporary / "a.json"))
    server.stop()
    assert not temporary.exists()


def test_more_folders_are_an_option(folder, tmp_path):
    more = tmp_path / "more"
    more.mkdir()
    server = DeviceServer(file_roots=[more])
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
        options = nidmm.GrpcSessionOptions(channel, "")
        with nidmm.Session("DMM1", options="Simulate=1", grpc_options=options) as dmm:
            dmm.export_attribute_configuration_file(str(more / "a.txt"))
    server.stop()
    assert (more / "a.txt").read_bytes().startswith(b"{")


def test_files_of_a_folder_to_read_are_read_but_not_written(folder, tmp_path, clock):
    given, later = tmp_path / "given", tmp_path / "later"
    given.mkdir()
    later.mkdir()
    server = DeviceServer(read_roots=[given], clock=clock)
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
        options = nidmm.GrpcSessionOptions(channel, "")
        with nidmm.Session("DMM1", options="Simulate=1", grpc_options=options) as dmm:
            dmm.trigger_delay = 0.25
            dmm.export_attribute_configuration_file("a.json")
            dmm.trigger_delay = 0.5
            content = (folder / "a.json").read_bytes()
            for there in (given, later):
                (there / "b.json").write_bytes(content)
            import_refused(dmm, later / "b.json", f"{given}")
            server.add_read_root(later)
            for there in (given, later):
                export_refused(dmm, there / "b.json", "outside the device server's folders")
                export_refused(dmm, there / "new.json", "--file-root")
                dmm.import_attribute_configuration_file(str(there / "b.json"))
                assert dmm.trigger_delay.total_seconds() == 0.25
                dmm.trigger_delay = 0.5
    server.stop()


def test_a_named_folder_may_lie_in_a_hidden_one_of_the_present_folder(folder, clock):
    named = folder / ".hidden" / "named"
    named.mkdir(parents=True)
    server = DeviceServer(file_roots=[named], clock=clock)
    with grpc.insecure_channel(f"127.0.0.1:{server.start()}") as channel:
        options = nidmm.GrpcSessionOptions(channel, "")
        with nidmm.Session("DMM1", options="Simulate=1", grpc_options=options) as dmm:
            dmm.export_attribute_configuration_file(str(named / "a.json"))
            dmm.import_attribute_configuration_file(str(named / "a.json"))
            export_refused(dmm, named.parent / "b.json", "begins with a dot")
            export_refused(dmm, named / ".b.json", "begins with a dot")
    server.stop()


@pytest.mark.parametrize("name", ["outside.json", "../outside.json"])
def test_nothing_is_written_or_read_outside(open_dmm, tmp_path, folder, name):
    outside = tmp_path / "outside.json"
    outside.write_bytes(CONFIGURATION)
    path = name if name.startswith(".") else outside
    dmm = open_dmm()
    export_refused(dmm, path, "outside the device server's folders")
    import_refused(dmm, path, f"{folder}")
    assert outside.read_bytes() == CONFIGURATION


def test_an_error_says_how_to_allow_a_folder(open_dmm, tmp_path):
    export_refused(open_dmm(), tmp_path / "a.json", "--file-root")


@needs_symlinks
def test_links_lead_to_no_other_folder(open_dmm, tmp_path, folder):
    outside = tmp_path / "outside.json"
    outside.write_bytes(CONFIGURATION)
    (folder / "link.json").symlink_to(outside)
    (folder / "sub").symlink_to(tmp_path)
    dmm = open_dmm()
    for path in ("link.json", "sub/outside.json"):
        export_refused(dmm, path, "outside the device server's folders")
        import_refused(dmm, path, "outside the device server's folders")
    assert outside.read_bytes() == CONFIGURATION


@needs_symlinks
def test_a_folder_that_a_link_replaces_meanwhile_leads_to_no_other_folder(
    tmp_path, folder, monkeypatch
):
    from device_sim.base import files

    inside, outside = folder / "sub", tmp_path / "elsewhere"
    inside.mkdir()
    outside.mkdir()
    roots = files.FileRoots([folder])
    resolve = roots._resolve

    def swapped_after(name: str) -> Path:
        path = resolve(name)
        inside.rmdir()
        inside.symlink_to(outside)
        return path

    monkeypatch.setattr(roots, "_resolve", swapped_after)
    with pytest.raises(OSError, match="sub"):
        roots.write("sub/a.json", CONFIGURATION, replaces=b"{")
    assert not list(outside.iterdir())


@pytest.mark.parametrize(
    "name", ["start.sh", "noname", ".hidden.json", ".config/a.json", "a\0.json"]
)
def test_only_files_that_look_like_configurations_are_written(open_dmm, folder, name):
    (folder / ".config").mkdir()
    dmm = open_dmm()
    export_refused(dmm, name, "is not the name of an attribute configuration")
    import_refused(dmm, name, "is not the name of an attribute configuration")
    assert [path.name for path in folder.iterdir()] == [".config"]


def test_only_a_configuration_is_overwritten(open_dmm, folder):
    dmm = open_dmm()
    dmm.export_attribute_configuration_file("a.json")
    dmm.trigger_delay = 0.25
    dmm.export_attribute_configuration_file("a.json")
    assert b"0.25" in (folder / "a.json").read_bytes()
    (folder / "empty.txt").touch()
    dmm.export_attribute_configuration_file("empty.txt")
    (folder / "package.json").write_text('{"name": "mine"}')
    export_refused(dmm, "package.json", "has other content")
    assert (folder / "package.json").read_text() == '{"name": "mine"}'


@needs_fifos
def test_a_file_that_is_not_regular_is_refused_and_blocks_no_client(open_dmm, folder):
    os.mkfifo(folder / "pipe.json")
    (folder / "folder.json").mkdir()
    dmm = open_dmm()
    for name in ("pipe.json", "folder.json"):
        refused(WRITING_FAILED, "", lambda n=name: dmm.export_attribute_configuration_file(n))
        refused(READING_FAILED, "", lambda n=name: dmm.import_attribute_configuration_file(n))


def test_a_server_that_is_started_in_the_root_folder_does_not_serve_all_files(monkeypatch):
    monkeypatch.chdir(Path.cwd().anchor)
    server = DeviceServer()
    assert Path.cwd() not in server.file_roots


OTHER_USER = 65534

AS_OTHER_USER = """
import os, sys
import grpc, nidmm
from nidmm import _grpc_stub_interpreter, nidmm_pb2, nidmm_pb2_grpc
user, port, target, inside, state_file = sys.argv[1:]
os.setgroups([])
os.setgid(int(user))
os.setuid(int(user))
channel = grpc.insecure_channel(f"127.0.0.1:{port}")
options = nidmm.GrpcSessionOptions(channel, "")
with nidmm.Session("DMM1", options="Simulate=1", grpc_options=options) as dmm:
    for name in ("export_attribute_configuration_file", "import_attribute_configuration_file"):
        for path in (target, inside + ".sh"):
            try:
                getattr(dmm, name)(path)
                print("DONE", name, path)
            except nidmm.errors.DriverError as error:
                print("refused", error.code)
    dmm.export_attribute_configuration_file(inside)
try:
    open(state_file).read()
    print("READ the state file")
except PermissionError:
    print("refused to read the state file")
"""


@needs_users
def test_another_local_user_who_is_let_in_reaches_no_file_outside(tmp_path, folder):
    secret = tmp_path / "secret.json"
    secret.write_bytes(CONFIGURATION)
    with running_device_sim(tmp_path, "--other-users") as running:
        tried = subprocess.run(
            [
                sys.executable,
                "-c",
                AS_OTHER_USER,
                str(OTHER_USER),
                running.address.rpartition(":")[2],
                str(secret),
                str(folder / "theirs.json"),
                str(running.state_file),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert tried.stdout.splitlines() == [
        f"refused {WRITING_FAILED}",
        f"refused {WRITING_FAILED}",
        f"refused {READING_FAILED}",
        f"refused {READING_FAILED}",
        "refused to read the state file",
    ], tried.stderr
    assert secret.read_bytes() == CONFIGURATION
    assert (folder / "theirs.json").stat().st_uid == os.geteuid()  # as the page says
