"""The command `measurement-console`."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import click
from session_sharing.commands import HarmlessGroup
from session_sharing.core.errors import SessionSharingError
from session_sharing.places import default_state_file
from session_sharing.printing import say
from session_sharing.roles import read_api_keys

from measurement_console.errors import ConsoleError
from measurement_console.options import ConsoleOptions
from measurement_console.serving import ask_for_link, serve

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_state_file_option = click.option(
    "--state-file",
    type=_NEW_FILE,
    help="File by which `measurement-console link` finds the console. Default: a file in the "
    "user's runtime folder.",
)


@click.group(
    cls=HarmlessGroup,
    shown_errors=[ConsoleError, SessionSharingError],
    invoke_without_command=True,
)
@click.version_option(package_name="measurement-console")
@click.option("--control", is_flag=True, help="Let users change something. Default: read-only.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="TCP port. Default: any.")
@click.option("--no-browser", is_flag=True, help="Do not open the page in a browser.")
@_state_file_option
@click.option("--audit", type=_NEW_FILE, help="File to which every control action is appended.")
@click.option(
    "--store",
    default="",
    metavar="URL",
    help="Also show the stations that copy to this PostgreSQL, such as "
    "postgresql://ROLE@HOST/DATABASE. A password belongs into a password file.",
)
@click.option(
    "--store-insecure",
    is_flag=True,
    help="Connect to the store also if TLS does not prove which host answers.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at. Other hosts need TLS and a key.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="Name by which browsers on other hosts call this host; may be repeated.",
)
@click.option(
    "--pin-maps",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Pin map that users may choose, or folder with pin maps; may be repeated. Default: the "
    "present folder.",
)
@click.option("--tls-certificate", type=_FILE, help="PEM file of the console's certificate.")
@click.option("--tls-key", type=_FILE, help="PEM file of the private key of the certificate.")
@click.option("--api-keys", type=_FILE, help="JSON file with the ids, keys and roles of the users.")
@click.pass_context
def main(context: click.Context, /, **given: Any) -> None:
    """Show this station in a browser until Ctrl-C or SIGTERM.

    It prints one line with the address. The link in it works once.

    Example: measurement-console --control
    """
    context.obj = given
    if context.invoked_subcommand is not None:
        return
    if given["store"]:
        _check_store(given["store"], insecure=given["store_insecure"])
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    options = ConsoleOptions(
        host=given["host"],
        port=given["port"],
        control=given["control"],
        names=given["names"],
        certificate=given["tls_certificate"],
        certificate_key=given["tls_key"],
        keys=read_api_keys(given["api_keys"]) if given["api_keys"] else {},
        store=given["store"],
        store_insecure=given["store_insecure"],
        audit=given["audit"],
        pin_maps=given["pin_maps"] or (Path(),),
    )
    state_file = _state_file(given["state_file"])
    asyncio.run(serve(options, state_file, opens_browser=not given["no_browser"]))


def _check_store(url: str, *, insecure: bool) -> None:
    """Refuse a wrong address, and one with a password in it, before the console starts."""
    try:
        from json_logger_proto.store import parse_address
    except ImportError as error:
        raise click.ClickException(
            "A store needs the extra 'postgresql'. Install it: "
            "pip install 'measurement-console[postgresql]'."
        ) from error
    parse_address(url, insecure=insecure)


@main.command("link")
@_state_file_option
@click.pass_context
def link_command(context: click.Context, state_file: Path | None) -> None:
    """Print a new link to the console that runs, for another browser. It works once."""
    say(ask_for_link(_state_file(state_file or context.obj["state_file"])))


def _state_file(given: Path | None) -> Path:
    return (given or default_state_file("measurement-console")).absolute()
