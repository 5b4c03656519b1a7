"""Judge by the access list of a file on Windows who else can read or write the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALLOWS = (0, 9)
"""Kinds of entries that allow something to somebody: plain ones, and those with a condition."""
ONLY_INHERITED = 0x08
"""Flag of an entry that counts for the files in a folder, not for the folder."""

_ALL, _WRITE_ALL, _READ_ALL = 0x10000000, 0x40000000, 0x80000000
READS = 0x0001 | _READ_ALL | _ALL
"""The right to read the content."""
WRITES = 0x0002 | 0x0004 | 0x00010000 | 0x00040000 | 0x00080000 | _WRITE_ALL | _ALL
"""The rights to write, append, delete, and change the access list or the owner."""

SYSTEM = "S-1-5-18"
ADMINISTRATORS = "S-1-5-32-544"
_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
_OWNER_RIGHTS = "S-1-3-4"
_APPS = "S-1-15-"
"""Entries for apps in a container allow nothing that another entry does not allow their user."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an access list that allows something."""

    flags: int
    """Its flags, such as `ONLY_INHERITED`."""
    rights: int
    """The rights, as a mask."""
    identity: str
    """The user or group, as a security identifier such as S-1-5-18."""


@dataclass(frozen=True, slots=True)
class AccessList:
    """Who owns a file, and who may do what with it."""

    owner: str
    """Security identifier of the owner, who can always change the list."""
    entries: Sequence[Entry] | None
    """The entries that allow something; None if there is no list: then everybody may do all."""

    def is_owned_by(self, user: str) -> bool:
        """Return whether a user, or an administrator of this machine, owns the file."""
        return self.owner in _trusted(user)

    def others(self, user: str, rights: int) -> list[str]:
        """Return who, other than a user and the administrators, has one of some rights.

        Entries that deny are not known here, so the answer can name too many.

        Args:
            user: Security identifier of the user.
            rights: `READS` or `WRITES`, or both.
        """
        if self.entries is None:
            return ["S-1-1-0"]  # everybody
        return sorted(
            {
                entry.identity
                for entry in self.entries
                if not entry.flags & ONLY_INHERITED
                and entry.rights & rights
                and entry.identity not in _trusted(user)
                and not entry.identity.startswith(_APPS)
            }
        )


def private_to(user: str) -> str:
    """Return, in SDDL, an access list that only a user, the system and administrators can use.

    It takes nothing over from the folder.
    """
    who = (user, SYSTEM, ADMINISTRATORS)
    return "D:P" + "".join(f"(A;;FA;;;{identity})" for identity in who)


def _trusted(user: str) -> tuple[str, ...]:
    return (user, SYSTEM, ADMINISTRATORS, _INSTALLER, _OWNER_RIGHTS)
