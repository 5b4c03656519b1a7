"""The bridge to NI's measurement platform; the only package that imports it.

Servers are announced to NI discovery and found through it, a `SessionConstructor` fits what the
measurement plug-in SDK expects of `initialize_session(s)`, and a program that discovery starts gets
its folder laid out.
"""

from session_sharing.ni.announcing import DiscoveryAnnouncer
from session_sharing.ni.constructor import SessionConstructor
from session_sharing.ni.folders import Startable, lay_out
from session_sharing.ni.locating import locate
from session_sharing.ni.names import DiscoveryName

__all__ = [
    "DiscoveryAnnouncer",
    "DiscoveryName",
    "SessionConstructor",
    "Startable",
    "lay_out",
    "locate",
]
