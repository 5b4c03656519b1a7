"""The options object by which NI's drivers accept a channel and a session name."""

from __future__ import annotations

from typing import Protocol

import grpc


class GrpcSessionOptions(Protocol):
    """An object like `nidcpower.GrpcSessionOptions` or `nidmm.GrpcSessionOptions`.

    Pass such an object to `JsonLoggerClient` in code that has one. Its `api_key` is for NI's gRPC
    Device Server, and is ignored.
    """

    @property
    def grpc_channel(self) -> grpc.Channel:
        """The channel to use. The caller closes it."""

    @property
    def session_name(self) -> str:
        """Name of the session; empty for a generated name, or to attach by file."""

    @property
    def initialization_behavior(self) -> object:
        """An enum member or integer with NI's values, 0 to 4."""
