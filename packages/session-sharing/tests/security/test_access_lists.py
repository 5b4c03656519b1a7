"""On Windows, nobody but the user and administrators can read secrets, or write what is trusted."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from capabilities import needs_access_lists
from hosting import hosted
from session_sharing.access_list import (
    ADMINISTRATORS,
    ONLY_INHERITED,
    READS,
    SYSTEM,
    WRITES,
    AccessList,
    Entry,
    private_to,
)
from session_sharing.core.errors import InvalidArgumentError, NotPermittedError
from session_sharing.places import append_private, check_secret, read_private, write_private
from session_sharing.server import ApiKey, StateFile, read_api_keys

if sys.platform == "win32":
    from session_sharing import windows_files

ME = "S-1-5-21-1004336348-1177238915-682003330-1001"
COLLEAGUE = "S-1-5-21-1004336348-1177238915-682003330-1002"
EVERYBODY, SIGNED_IN, USERS = "S-1-1-0", "S-1-5-11", "S-1-5-32-545"
CREATOR, CALCULATOR = "S-1-3-0", "S-1-15-2-466767348-3739614953"
FULL, MODIFY, READ_AND_RUN = 0x1F01FF, 0x1301BF, 0x1200A9

IN_PROFILE = [Entry(0x10, FULL, identity) for identity in (SYSTEM, ADMINISTRATORS, ME)]
"""What a file inherits in a folder of the user's profile."""

IN_NEW_FOLDER_OF_DRIVE_C = [
    Entry(0x10, FULL, ADMINISTRATORS),
    Entry(0x10, FULL, SYSTEM),
    Entry(0x10, READ_AND_RUN, USERS),
    Entry(0x10, MODIFY, SIGNED_IN),
]
"""What a file inherits in a folder such as C:\\logs."""


def test_a_file_in_the_users_profile_is_the_users_alone() -> None:
    found = AccessList(ME, IN_PROFILE)

    assert found.is_owned_by(ME)
    assert found.others(ME, READS | WRITES) == []


def test_a_file_in_a_new_folder_of_drive_c_can_be_changed_by_all_who_sign_in() -> None:
    found = AccessList(ME, IN_NEW_FOLDER_OF_DRIVE_C)

    assert found.others(ME, WRITES) == [SIGNED_IN]
    assert found.others(ME, READS) == [SIGNED_IN, USERS]


@pytest.mark.parametrize("owner", [ME, SYSTEM, ADMINISTRATORS])
def test_the_user_and_the_administrators_are_trusted_as_owners(owner: str) -> None:
    assert AccessList(owner, IN_PROFILE).is_owned_by(ME)
    assert not AccessList(COLLEAGUE, IN_PROFILE).is_owned_by(ME)


@pytest.mark.parametrize(
    "right",
    [0x2, 0x4, 0x10000, 0x40000, 0x80000, 0x40000000, 0x10000000],
    ids=["write", "append", "delete", "change list", "take", "write all", "all"],
)
def test_each_right_that_changes_a_file_counts_and_reading_does_not(right: int) -> None:
    assert AccessList(ME, [*IN_PROFILE, Entry(0, right, COLLEAGUE)]).others(ME, WRITES)
    assert not AccessList(ME, [*IN_PROFILE, Entry(0, 0x120089, COLLEAGUE)]).others(ME, WRITES)


def test_without_a_list_everybody_can_do_everything() -> None:
    assert AccessList(ME, None).others(ME, READS) == [EVERYBODY]


def test_entries_for_files_inside_and_for_apps_of_the_user_do_not_count() -> None:
    entries = [Entry(ONLY_INHERITED, FULL, CREATOR), Entry(0, FULL, CALCULATOR)]

    assert AccessList(ME, entries).others(ME, READS | WRITES) == []


def test_a_private_file_is_asked_for_with_the_user_and_administrators_alone() -> None:
    assert private_to(ME) == (
        f"D:P(A;;FA;;;{ME})(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)"  # P: inherits nothing
    )


@needs_access_lists
def test_the_token_file_and_the_state_file_are_made_for_this_user_alone(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "server.json")
    state.claim()
    with hosted() as host:
        state.publish(host)

    for path in (state.path, state.token_path):
        check_secret(path)
        assert read_private(path)
    state.remove()
    assert list(tmp_path.iterdir()) == []


@needs_access_lists
def test_a_log_that_is_appended_to_is_made_for_this_user_alone(tmp_path: Path) -> None:
    for line in ("first\n", "second\n"):
        with append_private(tmp_path / "server.log") as log:
            log.write(line)

    check_secret(tmp_path / "server.log")
    assert (tmp_path / "server.log").read_text() == "first\nsecond\n"


@needs_access_lists
def test_a_private_file_is_never_made_over_another_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("kept")

    with pytest.raises(FileExistsError):
        windows_files.create_private(path)

    assert path.read_text() == "kept"


@pytest.fixture
def file_of_everybody(tmp_path: Path) -> Path:
    """A file that every user can change."""
    path = tmp_path / "shared.json"
    path.write_text('{"a": "b"}')
    replace_access_list(path, f"D:P(A;;FA;;;{EVERYBODY})")
    return path


def replace_access_list(path: Path, sddl: str) -> None:
    """Give a file another access list, by the call that the command icacls makes, too."""
    only_the_list = 0x4
    with windows_files._descriptor(sddl) as descriptor:
        assert windows_files._security.SetFileSecurityW(str(path), only_the_list, descriptor)


@needs_access_lists
def test_what_another_user_can_write_is_not_read_and_not_appended_to(
    file_of_everybody: Path,
) -> None:
    with pytest.raises(NotPermittedError, match=rf"\({EVERYBODY}\) can write .* `icacls"):
        read_private(file_of_everybody)
    with pytest.raises(NotPermittedError, match="`icacls"):
        append_private(file_of_everybody)


@needs_access_lists
def test_api_keys_that_other_users_can_read_are_refused(
    file_of_everybody: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"{EVERYBODY}.* can read .* `icacls"):
        read_api_keys(file_of_everybody)

    write_private(file_of_everybody, '{"a": "b"}')

    assert read_api_keys(file_of_everybody) == {"a": ApiKey("b")}
    assert [path.name for path in tmp_path.iterdir()] == ["shared.json"]
