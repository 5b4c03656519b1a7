"""On Windows, a server takes the mappings of its clients, and nothing else that has a name."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from json_logger_proto.ext.v1 import json_logger_ext_pb2 as ext
from json_logger_proto.memory import new_name
from logger_bench import LoggerBench
from logger_process import LoggerProcess
from memory_use import ARRAY
from raw_memory import RawMemory
from waveforms import waveforms_in

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="no file mappings with names")


@pytest.fixture
def raw(anonymous: LoggerProcess, folder: Path) -> Iterator[RawMemory]:
    with ExitStack() as stack:
        yield RawMemory(LoggerBench(anonymous.connect(), folder, stack))


def test_a_mapping_is_found_by_its_name(raw: RawMemory) -> None:
    assert raw.offer.mappings
    name = f"Local\\{new_name()}"
    with mmap.mmap(-1, ARRAY.nbytes, tagname=name) as mapping:
        mapping[:] = ARRAY.tobytes()
        assert raw.append(ext.SamplesInMemory(mapping=name)) == 1
    assert np.array_equal(waveforms_in(raw.folder / "a.ndjson"), [ARRAY])
    assert "did not get the memory" in raw.refusal(ext.SamplesInMemory(mapping=name))


@pytest.mark.parametrize("name", ["", "Local\\json-logger-1", "Global\\other", "C:\\file"])
def test_a_name_that_no_client_makes_is_not_opened(raw: RawMemory, name: str) -> None:
    assert "did not get the memory" in raw.refusal(ext.SamplesInMemory(mapping=name))


def test_a_mapping_that_is_too_small_is_refused(raw: RawMemory) -> None:
    name = f"Local\\{new_name()}"
    with mmap.mmap(-1, 4096, tagname=name):
        assert "fewer bytes" in raw.refusal(ext.SamplesInMemory(mapping=name))
