"""The shape of the options object by which NI's drivers take a channel and a session name."""

from __future__ import annotations

from typing import Protocol

import grpc


class GrpcSessionOptions(Protocol):
    """What `nidcpower.GrpcSessionOptions`, `nidmm.GrpcSessionOptions` and their like have.

    Give such an object to `JsonLoggerClient` in code that has one. Its `api_key` is for NI's gRPC
    Device Server and is not looked at.
    """

    @property
    def grpc_channel(self) -> grpc.Channel:
        """The channel to use; it stays the caller's."""

    @property
    def session_name(self) -> str:
        """Name of the session; empty for a generated one, or to attach by file."""

    @property
    def initialization_behavior(self) -> object:
        """An enum member or integer with NI's values, 0 to 4."""
