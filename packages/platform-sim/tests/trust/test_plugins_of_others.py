"""The platform starts nothing from files that other users could have changed."""

from __future__ import annotations

import os
import sys

import pytest
from as_user import STRANGER, needs_users
from capabilities import needs_modes
from platform_process import running_platform
from plugin_folders import started_pids, write_plain_service
from plugin_kit import PlatformError
from plugin_kit.calling import PlatformClient

pytestmark = needs_modes
SERVICE = "test.Plain"


def file_of_another_user(folder):
    os.chown(folder / "plugin.serviceconfig", STRANGER, STRANGER)


def folder_of_another_user(folder):
    os.chown(folder, STRANGER, STRANGER)


def folder_below_another_users(folder):
    os.chown(folder.parent, STRANGER, STRANGER)


def file_that_all_write(folder):
    (folder / "plugin.serviceconfig").chmod(0o666)


def folder_that_all_write(folder):
    folder.chmod(0o777)


def folder_that_a_group_writes(folder):
    folder.chmod(0o775)
    os.chown(folder, -1, STRANGER)


UNTRUSTED = [
    pytest.param(file_of_another_user, marks=needs_users),
    pytest.param(folder_of_another_user, marks=needs_users),
    pytest.param(folder_below_another_users, marks=needs_users),
    file_that_all_write,
    folder_that_all_write,
    pytest.param(folder_that_a_group_writes, marks=needs_users),
]


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a plug-in that belongs to this user and starts."""
    folder = tmp_path / "plugins" / "plain"
    write_plain_service(folder, SERVICE)
    return folder


@pytest.mark.parametrize("change", UNTRUSTED)
def test_a_plugin_is_skipped_with_the_reason_and_started_only_when_asked_for(
    tmp_path, folder, change
):
    change(folder)
    with running_platform(tmp_path, "--plugins", folder) as platform:
        (skipped,) = (
            line for line in platform.output if "A .serviceconfig file is ignored. " in line
        )
        assert "plugin.serviceconfig: " in skipped
        assert "--plugins-of-others" in skipped
        assert f"plug-ins: none in {folder}\n" in platform.output
        with (
            PlatformClient(platform.state.discovery_address) as client,
            pytest.raises(PlatformError, match=r"plugin\.serviceconfig: "),
        ):
            client.resolve("test.Interface")
    assert started_pids(folder) == []

    with (
        running_platform(tmp_path, "--plugins", folder, "--plugins-of-others") as platform,
        PlatformClient(platform.state.discovery_address) as client,
    ):
        assert client.resolve("test.Interface")
    assert len(started_pids(folder)) == 1


@pytest.mark.parametrize("name", ["start.bat", "measurement.py", "start.sh"])
def test_a_start_script_that_others_may_write_is_not_run(tmp_path, folder, name):
    if name == "start.sh":
        (folder / name).write_text(f"exec '{sys.executable}' measurement.py\n")
    with running_platform(tmp_path, "--plugins", folder) as platform:
        (folder / name).chmod(0o666)
        with (
            PlatformClient(platform.state.discovery_address) as client,
            pytest.raises(PlatformError, match=name),
        ):
            client.resolve("test.Interface")
    assert started_pids(folder) == []


def test_a_plugin_that_becomes_writable_by_others_is_not_started_any_more(tmp_path, folder):
    with (
        running_platform(tmp_path, "--plugins", folder) as platform,
        PlatformClient(platform.state.discovery_address) as client,
    ):
        assert SERVICE in {one.service_class for one in client.services()}
        folder.chmod(0o777)
        assert SERVICE not in {one.service_class for one in client.services()}


def test_a_group_of_the_users_alone_may_write(folder, monkeypatch):
    # Some distributions give each user such a group and make files writable by it. The test
    # only makes up that the group has no other member.
    from platform_sim import ownership

    grp, pwd = pytest.importorskip("grp"), pytest.importorskip("pwd")
    me = pwd.getpwuid(os.geteuid())
    folder.chmod(0o775)
    group = grp.struct_group((me.pw_name, "x", folder.stat().st_gid, []))
    monkeypatch.setattr(grp, "getgrgid", lambda number: group)
    assert ownership.why_not_trusted(folder / "plugin.serviceconfig", "") == ""
    shared = grp.struct_group((me.pw_name, "x", folder.stat().st_gid, [me.pw_name, "other"]))
    monkeypatch.setattr(grp, "getgrgid", lambda number: shared)
    assert "can be changed by other users" in ownership.why_not_trusted(
        folder / "plugin.serviceconfig", ""
    )
