"""What a program prints arrives whatever the encoding of its output: never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import click
from session_sharing.commands import PrintingGroup

@click.group(cls=PrintingGroup)
def main():
    pass

@main.command()
def show():
    click.echo("5 k\\u03a9 \\u2713")
    click.echo("to the errors: \\u03a9", err=True)

main()
"""


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1:strict", "utf-8"])
def test_characters_that_the_encoding_lacks_are_printed(encoding: str, tmp_path: Path) -> None:
    output = tmp_path / "output"
    command = [sys.executable, "-c", PROGRAM, "show"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    with output.open("wb") as stream:
        done = subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, env=environment)
    assert done.returncode == 0, done.stderr
    # On Windows a pipe or a file gets UTF-8, whatever the code page.
    has_it = sys.platform == "win32" or encoding == "utf-8"
    ohm, tick = ("\u03a9", "\u2713") if has_it else ("\\u03a9", "\\u2713")
    assert output.read_text(encoding="utf-8").strip() == f"5 k{ohm} {tick}"
    assert done.stderr.decode("utf-8").strip() == f"to the errors: {ohm}"
