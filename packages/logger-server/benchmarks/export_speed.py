"""Measure `json-logger export` to Parquet against DuckDB converting the same log.

    python benchmarks/export_speed.py [--records 1000000] [--rounds 3]

The log has two measurements in turn, with fractions, integers, texts and lists. Rounds are
interleaved. DuckDB reads the log twice: with types from its sample, which are right for this log,
and with types from all records, as `export` finds them for every log. Python's bytecode is kept, as
for installed programs. Memory is the largest resident set of the export, for the log and for a
tenth of it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_MEASURED_CHILD = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        large = write_log(Path(folder) / "large.ndjson", given.records)
        small = write_log(Path(folder) / "small.ndjson", given.records // 10)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "bytecode")
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        seconds: dict[str, list[float]] = {"export": [], "sample": [], "all": []}
        for name in seconds:
            timed(command(name, small))  # this writes the bytecode
        for _ in range(given.rounds):
            for name, found in seconds.items():
                found.append(timed(command(name, large)))
        export, sample, complete = (statistics.median(found) for found in seconds.values())
        print(
            f"{given.records} records: export {export:.1f} s; DuckDB with types from a sample "
            f"{sample:.1f} s (ratio {sample / export:.2f}), from all records {complete:.1f} s "
            f"(ratio {complete / export:.2f})"
        )
        if sys.platform != "win32":
            print(f"memory: {memory(large)} MB; for a tenth of the log: {memory(small)} MB")


def command(name: str, log: Path) -> list[str]:
    if name == "export":
        words = [sys.executable, "-m", "json_logger_server", "export", str(log), "--overwrite"]
        return [*words, "--format=parquet", f"--to={log.parent / 'tables'}"]
    sample = ", sample_size = -1" if name == "all" else ""
    query = (
        f"COPY (SELECT * FROM read_json('{log}', format = 'newline_delimited'{sample})) "
        f"TO '{log.with_suffix('.parquet')}' (FORMAT parquet)"
    )
    return [sys.executable, "-c", f"import duckdb; duckdb.execute({query!r})"]


def timed(words: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def memory(log: Path) -> int:
    words = [sys.executable, "-c", _MEASURED_CHILD, *command("export", log)]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def write_log(path: Path, records: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for number in range(records):
            moment = f"2026-01-31T12:00:{number % 60:02d}.{number % 1_000_000:06d}Z"
            facts = {"seq": number + 1, "client": "5e1f" * 5, "client_seq": number + 1}
            record = {"timestamp": moment, **(leakage if number % 2 else reading)(number), **facts}
            record["writer"] = "dcpower plug-in, pid 4711 on station-3"
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    return path


def leakage(number: int) -> dict[str, object]:
    return {
        "measurement_name": "leakage",
        "measurement_configurations": {"voltage": 3.3, "range": 10, "mode": "fast"},
        "measurement_outputs": {
            "current": [1.2e-9 * number, 1.4e-9, 1.5e-9, 1e-9],
            "measurement_sites": [0, 1, 2, 3],
            "measurement_pin_names": ["A", "A", "A", "A"],
            "ok": True,
        },
    }


def reading(number: int) -> dict[str, object]:
    return {
        "measurement_name": "dmm",
        "measurement_configurations": {"function": "DC volts", "range": 10.0, "digits": 5.5},
        "measurement_outputs": {"measured_value": number * 1.1, "unit": "V"},
    }


if __name__ == "__main__":
    main()
