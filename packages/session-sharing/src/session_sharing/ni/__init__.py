"""The bridge to NI's measurement platform; the only package that imports it.

Servers are announced to NI discovery and found through it, a `SessionConstructor` fits what the
measurement plug-in SDK expects of `initialize_session(s)`, a `MeasurementCall` ends when its caller
does, and a plug-in gets a command line that serves it and lays out its folder.
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
