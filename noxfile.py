"""Builds, checks and runs the whole project; every session works on a machine with Python alone.

    python3 noxfile.py -s e2e       build all wheels, install them apart, run the TestStand sequences
    python3 noxfile.py -s tests     the tests of every package and the end-to-end tests
    python3 noxfile.py --list       the rest

When nox is missing it is fetched into an environment of its own under .nox, and this file runs again
with it. Nothing is ever installed into the user's Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NOX = "nox[uv]==2026.10.20"

# uv takes its certificates and its index from where pip users already set them.
os.environ.setdefault("UV_NATIVE_TLS", "1")
if "PIP_INDEX_URL" in os.environ:
    os.environ.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])


def _run_with_own_nox() -> int:
    """Fetch nox into .nox/runner and run this file with it."""
    runner = ROOT / ".nox" / "runner-{}.{}".format(*sys.version_info)
    python = runner / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = runner / "ready"
    if not ready.exists() or ready.read_text() != NOX:
        print(f"Fetching {NOX} into {runner.relative_to(ROOT)} ...", flush=True)
        venv.create(runner, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, NOX], check=True)
        ready.write_text(NOX)
    command = [str(python), "-m", "nox", "-f", str(ROOT / "noxfile.py"), *sys.argv[1:]]
    try:
        return subprocess.call(command)
    except KeyboardInterrupt:
        return 130


try:
    import nox
except ImportError:
    if __name__ != "__main__":
        raise
    sys.exit(_run_with_own_nox())

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types"]

PACKAGES = ROOT / "packages"
DIST = ROOT / "dist"
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]

# Folder below packages/ and the extras that development and tests need, in dependency order.
DISTRIBUTIONS = {
    "session-sharing": "[server,ni]",
    "logger-proto": "",
    "logger-client": "[ni]",
    "logger-server": "",
    "platform-sim": "",
    "dcpower-plugin": "",
    "dmm-plugin": "",
}

# The oldest protoc whose stubs run with protobuf 5, 6 and 7 and with every supported Python.
PROTO_TOOLS = ["grpcio-tools==1.67.1", "mypy-protobuf==3.6.0", "setuptools<81"]
POETRY = "poetry==2.5.1"
TEST_TOOLS = ["pytest>=8", "pytest-timeout>=2.3", "pytest-xdist>=3.6", "hypothesis>=6.100"]
TEST_LIBRARIES = ["duckdb", "grpcio-status", "numpy", "pandas", "polars", "psutil", "trustme"]
LINT_TOOLS = ["ruff==0.17.5", "import-linter==2.16"]
TYPE_TOOLS = ["mypy==2.4.1", "types-grpcio", "types-protobuf", "types-psutil", "lxml-stubs"]


@nox.session
def protos(session: nox.Session) -> None:
    """Generate the protocol stubs; with `-- --check` fail when the committed ones differ."""
    session.install(*PROTO_TOOLS)
    before = _stub_texts()
    _generate_stubs(session)
    if "--check" in session.posargs:
        after = _stub_texts()
        changed = [p for p in before | after if before.get(p) != after.get(p)]
        for path in changed:
            path.unlink(missing_ok=True)
            if path in before:
                path.write_bytes(before[path])
        if changed:
            names = "\n  ".join(str(p.relative_to(ROOT)) for p in sorted(changed))
            session.error(f"stubs differ from their .proto; run `nox -s protos`:\n  {names}")


def _stub_texts() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in PACKAGES.glob("*/src/**/*_pb2*.py*")}


def _generate_stubs(session: nox.Session) -> None:
    shared = PACKAGES / "session-sharing" / "src"
    logger = PACKAGES / "logger-proto" / "src"
    kinds = ("python", "grpc_python", "mypy", "mypy_grpc")

    def generate(root: Path, files: Iterable[Path], *includes: Path) -> None:
        paths = [f"--proto_path={path}" for path in (root, *includes)]
        outputs = [f"--{kind}_out={root}" for kind in kinds]
        names = [str(path.relative_to(root)) for path in files]
        session.run("python", "-m", "grpc_tools.protoc", *paths, *outputs, *names, silent=True)

    generate(shared, sorted((shared / "session_sharing" / "v1").glob("*.proto")))
    generate(logger, sorted((logger / "json_logger_proto" / "ext").rglob("*.proto")), shared)

    # The reference's file is named json_logger.proto without a folder, and so must its descriptor be.
    package = logger / "json_logger_proto"
    generate(package, [package / "json_logger.proto"])
    for stub in (package / "json_logger_pb2_grpc.py", package / "json_logger_pb2_grpc.pyi"):
        text = stub.read_text(encoding="utf-8")
        text = text.replace("\nimport json_logger_pb2", "\nfrom json_logger_proto import json_logger_pb2")
        stub.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    nox.main()
