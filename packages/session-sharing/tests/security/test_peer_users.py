"""The system says which user owns a TCP connection."""

from __future__ import annotations

import os
import socket

import pytest
from as_user import STRANGER, needs_users, run_as
from capabilities import needs_connection_owners
from session_sharing import peer_user


@needs_users
def test_a_closed_connection_belongs_to_no_user_and_not_to_root():
    # The kernel reports user 0 for the socket of a caller that has closed it.
    imports = "import socket\nfrom session_sharing.peer_user import PeerUsers"
    stranger = """
    listener = socket.create_server(("127.0.0.1", 0))
    users = PeerUsers(*listener.getsockname())
    def user_after(how):
        caller = socket.socket()
        caller.connect(listener.getsockname())
        accepted, (host, port) = listener.accept()
        peer = f"ipv4:{host}:{port}"
        before = users.user_of(peer)
        how(caller)
        return before, users.user_of(peer)
    print(*user_after(socket.socket.close))
    print(*user_after(lambda caller: caller.shutdown(socket.SHUT_WR)))
    """
    told = run_as(STRANGER, stranger, imports=imports)
    assert told == [f"{STRANGER} None", f"{STRANGER} {STRANGER}"]


@needs_connection_owners
@pytest.mark.parametrize("has_diagnosis", [True, False])
def test_the_user_of_a_connection_is_found_for_ipv4_and_ipv6_by_netlink_and_by_table(
    monkeypatch, has_diagnosis
):
    if not has_diagnosis:  # a kernel such as gVisor's, which cannot be had here
        monkeypatch.setattr(peer_user._Diagnosis, "user_of", lambda *_: None)
    places = [("ipv4", "127.0.0.1", socket.AF_INET, "127.0.0.1")]
    places.append(("ipv4", "127.0.0.1", socket.AF_INET6, "::ffff:127.0.0.1"))
    if socket.has_ipv6:
        places.append(("ipv6", "::1", socket.AF_INET6, "::1"))
    for kind, at, family, called in places:
        listening = socket.AF_INET6 if kind == "ipv6" else socket.AF_INET
        with socket.create_server((at, 0), family=listening) as listener:
            port = listener.getsockname()[1]
            users = peer_user.PeerUsers(at, port)
            with socket.socket(family) as caller:
                caller.connect((called, port))
                own = caller.getsockname()[1]
                host = "%5B::1%5D" if kind == "ipv6" else at
                assert users.user_of(f"{kind}:{host}:{own}") == os.geteuid()
                assert users.user_of(f"{kind}:{host}:{port}") is None
    assert users.user_of("unix:/somewhere") is None
