"""`session-sharing stubs`: generate the Python stubs of a resource's own calls."""

from __future__ import annotations

import shutil
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import click

import session_sharing

_OPTIONS_FOLDER = Path(session_sharing.__file__).parents[1]
"""The folder at which the import of session_sharing/v1/options.proto starts."""


@click.command("stubs")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Folder at which imports start, in FILES and in Python. Default: the current folder.",
)
def stubs_command(files: tuple[Path, ...], root: Path) -> None:
    """Generate Python stubs from .proto FILES, which may import session_sharing/v1/options.proto.

    It needs the package grpcio-tools. If mypy-protobuf is installed, the stubs get its types, also
    for the calls.

    Example: session-sharing stubs scpi.proto
    """
    if find_spec("grpc_tools") is None:
        raise click.ClickException("The stubs need the package grpcio-tools. Install it by pip.")
    from grpc_tools import protoc

    own_protos = Path(protoc.__file__).parent / "_proto"
    includes = [f"--proto_path={folder}" for folder in (root, _OPTIONS_FOLDER, own_protos)]
    outputs = [f"--python_out={root}", f"--grpc_python_out={root}", *_types(root)]
    if protoc.main(["protoc", *includes, *outputs, *map(str, files)]) != 0:
        raise click.ClickException("The stubs were not generated; protoc says why above.")


def _types(root: Path) -> list[str]:
    """Return the options by which protoc writes types beside the stubs."""
    makers = [_program("protoc-gen-mypy"), _program("protoc-gen-mypy_grpc")]
    if None in makers:
        return [f"--pyi_out={root}"]
    return [
        *(f"--plugin={maker}" for maker in makers),
        f"--mypy_out={root}",
        f"--mypy_grpc_out={root}",
    ]


def _program(name: str) -> str | None:
    """Return the path of a program of this environment, or one on the path."""
    return shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
