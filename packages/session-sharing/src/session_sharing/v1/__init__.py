"""Contain the generated stubs of the session_sharing.v1 protocol."""
