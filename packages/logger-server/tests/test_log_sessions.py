"""The sessions of logs keep the promises of all sessions."""

from __future__ import annotations

import log_kit
from logger_process import LoggerProcess
from session_promises import SessionPromises


class TestLogSessions(SessionPromises):
    server_class = LoggerProcess
    kit = log_kit
