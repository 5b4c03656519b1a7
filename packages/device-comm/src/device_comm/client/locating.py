"""Find the device server: by argument, environment variable, NI discovery, or state file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from session_sharing.client import ConnectOptions
from session_sharing.finding import find_server

from device_comm.names import DEVICE_SERVER

if TYPE_CHECKING:
    from ni.measurementlink.discovery.v1.client import DiscoveryClient


def locate_device_server(
    options: ConnectOptions | None = None, discovery_client: DiscoveryClient | None = None
) -> ConnectOptions:
    """Return the target of the device server, and the token for it.

    `DeviceCommunicationClient` calls this by itself. Use it to make a `Connection` that several
    devices share.

    Four places are searched, and the first that names a server counts: the target in the options,
    the environment variable DEVICE_COMM_TARGET, NI discovery (with the extra ``[ni]``), and the
    state file of a server that this user has started on this host.

    Args:
        options: Known settings. If they have a target, no other place is searched. Use it for a
            time limit, or for your own credentials.
        discovery_client: NI discovery client, which is asked when neither options nor environment
            name a server. Use it in programs that have such a client.

    Raises:
        ServerUnavailableError: No place names a server. The message says what was found at each.
        NotPermittedError: Other users can change the state file or a token file.
    """
    return find_server(DEVICE_SERVER, options, discovery_client)
