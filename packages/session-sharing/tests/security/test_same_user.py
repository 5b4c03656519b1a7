"""Which callers a server without tokens answers."""

from __future__ import annotations

import socket

from capabilities import needs_connection_owners
from session_sharing.same_user import SameUserRule


@needs_connection_owners
def test_a_call_is_refused_before_the_listener_is_known():
    assert "whose user is not known" in str(SameUserRule().refusal("ipv4:127.0.0.1:1"))


@needs_connection_owners
def test_an_own_call_is_answered_and_one_without_a_connection_is_not():
    rule = SameUserRule()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as caller:
        rule.listens_at(*listener.getsockname())
        caller.connect(listener.getsockname())
        host, port = caller.getsockname()
        assert rule.refusal(f"ipv4:{host}:{port}") is None
        assert rule.refusal("ipv4:127.0.0.1:1") is not None
    rule.close()


def test_all_callers_are_answered_where_other_users_are_allowed():
    assert SameUserRule(allows_other_users=True).refusal("ipv4:127.0.0.1:1") is None
