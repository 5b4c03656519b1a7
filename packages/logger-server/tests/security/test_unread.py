"""T42: the server does not read the messages of callers without a token."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psutil
import pytest
from capabilities import needs_whole_sends
from logger_process import LoggerProcess
from processes import eventually

MESSAGE = bytes(60 * 1024 * 1024)
CALLERS = 8
METHODS = ("/json_logger_ext.v1.JsonLoggerExt/Append", "/json_logger.JsonLogger/InitializeFile")
OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]


@needs_whole_sends
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("authorization", ["", "Bearer guess"])
def test_strangers_messages_do_not_fill_the_memory(
    method: str, authorization: str, tmp_path: Path
) -> None:
    metadata = (("authorization", authorization),) if authorization else ()

    def send(_: int) -> grpc.StatusCode:
        with grpc.insecure_channel(logger.target, OPTIONS) as channel:
            try:
                channel.unary_unary(method)(MESSAGE, metadata=metadata, timeout=30)
            except grpc.RpcError as refused:
                return refused.code()  # type: ignore[attr-defined,no-any-return]
        return grpc.StatusCode.OK

    with LoggerProcess(tmp_path) as logger:
        system = psutil.Process(logger.pid)
        most = before = system.memory_info().rss
        with ThreadPoolExecutor(CALLERS) as callers:
            answers = [callers.submit(send, number) for number in range(CALLERS)]

            def all_answered() -> bool:
                nonlocal most
                most = max(most, system.memory_info().rss)
                return all(answer.done() for answer in answers)

            eventually(all_answered, within=60)

    assert {answer.result() for answer in answers} == {grpc.StatusCode.UNAUTHENTICATED}
    assert most - before < len(MESSAGE)
