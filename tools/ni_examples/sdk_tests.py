"""Run the tests of NI's SDK that need NI's services and drivers."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from commands import Commands

_SUITES = ("tests/acceptance", "tests/integration")


def run_sdk_tests(checkout: Path, work: Path, commands: Commands) -> int:
    """Run the acceptance and integration tests of the SDK, and return the exit code of pytest.

    They run against the SDK of this environment. The platform runs already.

    Args:
        checkout: A checkout of ni/measurement-plugin-python.
        work: The folder for a copy of the tests. An existing copy is replaced.
        commands: The commands of the platform.
    """
    copy = work / "service"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(checkout / "packages" / "service" / "tests", copy / "tests")
    shutil.copy(checkout / "examples" / ".env.simulation", copy / ".env")
    plugins = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    # Without NI's settings of pytest: they ask for plug-ins that nothing here needs.
    pytest = ["-m", "pytest", "-p", "platform_runs", "-p", "no:cacheprovider", "-q", "-rfEs"]
    own = [f"--rootdir={copy}", "-c", os.devnull, "--timeout=120", "-W", "ignore"]
    return commands.execute([sys.executable, *pytest, *own, *_SUITES], copy, plugins)
