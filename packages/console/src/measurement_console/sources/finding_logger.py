"""Find the logger as other clients do, but never start it."""

from __future__ import annotations

import os
from collections.abc import Callable

import grpc
from json_logger_client import locate_logger
from json_logger_proto.names import (
    DISCOVERY_CLASS,
    DISCOVERY_INTERFACE,
    PROGRAM,
    TARGET_VARIABLE,
)
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient
from session_sharing.client import (
    ConnectOptions,
    NotPermittedError,
    ServerUnavailableError,
    SessionSharingError,
)
from session_sharing.ni import DiscoveryName, locate
from session_sharing.places import default_state_file

from measurement_console.sources.platform import Platform

_NAME = DiscoveryName(DISCOVERY_INTERFACE, DISCOVERY_CLASS)


def logger_finder(platform: Platform) -> Callable[[], ConnectOptions]:
    """Return a function that finds the logger.

    The places are those of `locate_logger`: environment variable, discovery, state file. Discovery
    is asked only for a logger that runs, because it would start one.
    """

    def find() -> ConnectOptions:
        if os.environ.get(TARGET_VARIABLE):
            return locate_logger()
        if platform.find(DISCOVERY_CLASS) is not None:
            try:
                return _locate(platform.address)
            except (ServerUnavailableError, NotPermittedError):
                pass  # another user's registration must not hide this user's logger
        try:
            return ConnectOptions.from_state_file(default_state_file(PROGRAM))
        except SessionSharingError as error:
            raise ServerUnavailableError(f"No logger runs. {error}") from error

    return find


def _locate(discovery_address: str) -> ConnectOptions:
    options = (("grpc.enable_http_proxy", 0),)
    with grpc.insecure_channel(discovery_address, options=options) as channel:
        client = DiscoveryClient(discovery_service_pb2_grpc.DiscoveryServiceStub(channel))
        return locate(_NAME, ConnectOptions(), client)
