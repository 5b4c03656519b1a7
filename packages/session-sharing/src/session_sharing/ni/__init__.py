"""Connect session sharing with NI's measurement platform; no other subpackage imports NI's SDK.

`DiscoveryAnnouncer` registers a server with NI discovery, and `locate` finds it there.
`SessionConstructor` opens sessions in the SDK's `initialize_session(s)`. `lay_out` writes the
folder of a program that discovery starts, `take_away` removes it, and `plugins_folder` says where
NI's discovery service looks for such folders.
"""

from session_sharing.ni.announcing import DiscoveryAnnouncer
from session_sharing.ni.constructor import SessionConstructor
from session_sharing.ni.folders import Startable, lay_out, take_away
from session_sharing.ni.locating import locate
from session_sharing.ni.names import DiscoveryName
from session_sharing.ni.plugins_folder import plugins_folder

__all__ = [
    "DiscoveryAnnouncer",
    "DiscoveryName",
    "SessionConstructor",
    "Startable",
    "lay_out",
    "locate",
    "plugins_folder",
    "take_away",
]
