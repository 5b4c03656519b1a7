"""`platform-sim up`: run the platform until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import click
from session_sharing.installer_registry import PUBLIC_DATA
from session_sharing.peer_user import PeerUsers
from session_sharing.printing import HarmlessFormatter
from session_sharing.stopping import StopSignals

from platform_sim.cli.console_process import find_console, running_console
from platform_sim.cli.options import Seconds, state_file_option
from platform_sim.hook import hooked_environment
from platform_sim.key_file import holding_key_file, key_file, set_up_registry
from platform_sim.platform import Platform, PlatformOptions
from platform_sim.printing import print_line
from platform_sim.sequence_service.folders import SequenceFolders
from platform_sim.state_file import PlatformStateFile, default_state_file

_ALL_USERS = (
    "note: this system does not show which user a connection belongs to, so the platform answers "
    "all users of this machine."
)

_NO_LOOKUP = (
    f"note: the registry value {PUBLIC_DATA} of NI's software is missing, so NI's SDK finds no "
    "discovery service on this machine. --as-ni-discovery writes it."
)
_AS_NI_DISCOVERY = (
    "warning: until it ends, this platform is the discovery service of all programs of this "
    "machine. All its users can read and could have written the files in {}."
)


@click.command("up")
@state_file_option
@click.option(
    "--plugins",
    "plugin_folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with .serviceconfig files, in itself or its subfolders. May be repeated.",
)
@click.option(
    "--bench",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with the wiring of the simulated instruments. Default: no wiring.",
)
@click.option(
    "--file-root",
    "file_roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder in which drivers may read and write files, such as attribute configurations and "
    "patterns. In the present folder and a temporary one they always may. In those of --plugins "
    "and --sequences they may read. May be repeated.",
)
@click.option(
    "--log-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the output of started plug-ins. Default: a temporary folder.",
)
@click.option(
    "--start-timeout",
    type=Seconds(),
    default=PlatformOptions().start_timeout,
    show_default=True,
    help="Seconds in which a started plug-in must register.",
)
@click.option(
    "--keep-reservations",
    is_flag=True,
    help="Keep the reservations and registrations of a plug-in that died, as NI's services do.",
)
@click.option(
    "--other-users",
    is_flag=True,
    help="Also answer other users of this machine. They can then use and disturb the whole "
    "platform, and start plug-ins that run as you.",
)
@click.option(
    "--plugins-of-others",
    is_flag=True,
    help="Also start plug-ins from files that other users of this machine own or may change.",
)
@click.option(
    "--as-ni-discovery",
    is_flag=True,
    help="Be the discovery service of every program of this machine, also of those that the "
    "platform did not start (Windows, without NI's software). The first time, an administrator "
    "must run it: it writes a registry value.",
)
@click.option(
    "--sequences",
    "sequence_folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with .seq files, in itself or its subfolders. Clients of "
    "platform_sim.v1.Sequences may start them. May be repeated.",
)
@click.option(
    "--console",
    type=click.Choice(["observe", "control"]),
    is_flag=False,
    flag_value="observe",
    help="Also run the measurement console, a page for the browser, and print its address. "
    "--console=control also lets it measure, run sequences and switch faults on.",
)
@click.option("--verbose", "-v", is_flag=True, help="Log the activity of the platform.")
def up_command(
    state_file: Path | None,
    plugin_folders: tuple[Path, ...],
    bench: Path | None,
    file_roots: tuple[Path, ...],
    log_dir: Path | None,
    start_timeout: float,
    keep_reservations: bool,
    other_users: bool,
    plugins_of_others: bool,
    as_ni_discovery: bool,
    sequence_folders: tuple[Path, ...],
    console: str | None,
    verbose: bool,
) -> None:
    """Run the platform until Ctrl-C or SIGTERM.

    The platform starts a plug-in in the --plugins folders when a client needs it. All plug-ins end
    with the platform.

    Example: platform-sim up --plugins ./plugins
    """
    handler = logging.StreamHandler()
    handler.setFormatter(HarmlessFormatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler])
    path = state_file or default_state_file()
    options = PlatformOptions(
        plugin_folders=plugin_folders,
        bench=bench,
        file_roots=file_roots,
        log_folder=log_dir,
        start_timeout=start_timeout,
        frees_after_plugins=not keep_reservations,
        allows_other_users=other_users,
        trusts_plugins_of_others=plugins_of_others,
        sequence_folders=sequence_folders,
    )
    console_command = find_console() if console else ""
    file = PlatformStateFile(path)
    file.claim()
    try:
        if as_ni_discovery:
            set_up_registry()
        with StopSignals() as stop, Platform(options) as platform, ExitStack() as held:
            file.publish(platform.state)
            _tell_of_lookup(held, platform.discovery_address if as_ni_discovery else "")
            if not (other_users or PeerUsers.is_known()):
                print_line(_ALL_USERS, err=True)
            for folder, count in platform.plugin_counts().items():
                print_line(f"plug-ins: {count or 'none'} in {folder}", err=True)
            _print_sequences(sequence_folders)
            print_line(
                f"platform-sim is ready: discovery {platform.state.discovery_address}, device "
                f"server {platform.state.device_server_address or 'off'}, state file {path}"
            )
            if console:
                environment = hooked_environment(platform.discovery_address, os.environ)
                console_options = ["--control"] if console == "control" else []
                console_options += [f"--pin-maps={folder}" for folder in sequence_folders]
                held.enter_context(running_console(console_command, console_options, environment))
            stop.wait()
    finally:
        file.remove()


def _tell_of_lookup(held: ExitStack, as_ni_discovery_at: str) -> None:
    """Hold NI's own key file if an address is given. Say what programs on Windows find."""
    file = key_file()
    if as_ni_discovery_at and file is not None:
        held.enter_context(holding_key_file(file, as_ni_discovery_at))
        print_line(_AS_NI_DISCOVERY.format(file.parent), err=True)
    elif sys.platform == "win32" and file is None:
        print_line(_NO_LOOKUP, err=True)


def _print_sequences(folders: tuple[Path, ...]) -> None:
    """Print the number of sequences in each folder, and the ones that cannot be started."""
    counts = dict.fromkeys(folders, 0)
    for file in filter(lambda file: file.is_sequence, SequenceFolders(folders).files()):
        counts[file.folder] += not file.refusal
        if file.refusal:
            print_line(f"sequences: {file.path} cannot be started: {file.refusal}", err=True)
    for folder, count in counts.items():
        print_line(f"sequences: {count or 'none'} in {folder}", err=True)
