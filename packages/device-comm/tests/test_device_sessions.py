"""The sessions of devices keep the promises of all sessions."""

from __future__ import annotations

import device_kit
from device_comm_process import DeviceCommProcess
from session_promises import SessionPromises


class TestDeviceSessions(SessionPromises):
    server_class = DeviceCommProcess
    kit = device_kit
