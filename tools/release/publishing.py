"""The steps of a release, for nox sessions: check wheels, upload new ones, try published ones."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import nox
from environments import from_index, program
from wheels import Wheels


def check_wheels(session: nox.Session, wheels: Wheels) -> None:
    """Fail if a wheel must not be published."""
    session.install("twine>=6")
    session.run("twine", "check", "--strict", *(str(wheel.path) for wheel in wheels))
    problems = [f"{wheel.path.name}: {p}" for wheel in wheels for p in wheel.problems()]
    if problems:
        session.error("these wheels must not be published:\n  " + "\n  ".join(problems))


def upload_new(
    session: nox.Session, wheels: Wheels, simple: str, upload: str, *options: str
) -> None:
    """Upload the wheels that an index does not have.

    Args:
        session: A session with twine.
        wheels: The built wheels.
        simple: Address of the index's simple API.
        upload: Address for uploads.
        options: More options of ``twine upload``.
    """
    new = [str(wheel.path) for wheel in wheels.new_to(simple)]
    if not new:
        session.log("the index already has every wheel")
        return
    twine = ["twine", "upload", "--non-interactive", f"--repository-url={upload}"]
    session.run(*twine, *options, *new)


Tries = Sequence[tuple[str, tuple[str, ...]]]
"""Pythons, each with additional requirements."""


def run_on_each(
    session: nox.Session, index: str, distribution: str, tries: Tries, script: str, *arguments: str
) -> None:
    """Install a published distribution alone in an environment for each try, and run a script.

    Args:
        session: Makes the environments.
        index: The index to install from.
        distribution: Name of the distribution.
        tries: Where to install it.
        script: Name of a script in this folder that uses the distribution.
        arguments: Arguments of the script.
    """
    path = str(Path(__file__).with_name(script))
    for number, (python, versions) in enumerate(tries):
        name = f"{distribution}-{number}"
        folder = from_index(session, name, index, distribution, *versions, python=python)
        session.run(program(folder, "python"), path, *arguments, external=True)


def log_from_each(
    session: nox.Session, index: str, server: Path, log_root: Path, tries: Tries
) -> None:
    """Log with the published client from several Pythons, and with several versions of packages.

    Args:
        session: Makes the environments.
        index: The index to install from.
        server: Environment of the logger's server.
        log_root: Folder for the log.
        tries: Where to install the client.
    """
    state = Path(session.create_tmp()).absolute() / "server" / "json-logger.json"
    options = ["--no-discovery", f"--state-file={state}", f"--log-root={log_root}"]
    command = [program(server, "json-logger"), "serve", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            running.stdout.readline()
            run_on_each(session, index, "json-logger-client", tries, "log_once.py", str(state))
        finally:
            running.terminate()
