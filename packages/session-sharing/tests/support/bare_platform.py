"""Run a platform without instruments, which starts fast, with clients that need no hook."""

from __future__ import annotations

from pathlib import Path

import grpc
from ni.measurementlink.discovery.v1 import discovery_service_pb2_grpc
from ni.measurementlink.discovery.v1.client import DiscoveryClient
from platform_sim import Platform, PlatformOptions


def start_platform(logs: Path) -> Platform:
    platform = Platform(PlatformOptions(log_folder=logs, has_device_server=False))
    platform.start()
    return platform


def discovery_client(platform: Platform) -> DiscoveryClient:
    channel = grpc.insecure_channel(platform.discovery_address)
    return DiscoveryClient(discovery_service_pb2_grpc.DiscoveryServiceStub(channel))
