"""Hold the parts of a running console together."""

from __future__ import annotations

import getpass

from session_sharing.roles import Role

from measurement_console.live.board import Board
from measurement_console.live.changes import Changes
from measurement_console.measure.pin_map_files import PinMapFiles
from measurement_console.measure.runs import MeasureRuns
from measurement_console.options import ConsoleOptions
from measurement_console.security.audit import Audit
from measurement_console.security.control import Control
from measurement_console.security.visitors import Visitors
from measurement_console.sources.bench import Bench
from measurement_console.sources.finding_servers import SessionServers
from measurement_console.sources.logs import Logs
from measurement_console.sources.platform import Platform
from measurement_console.sources.sequences import Sequences
from measurement_console.sources.session_server import SessionServer
from measurement_console.sources.stations import Stations

_STOP_SECONDS = 2.0


class Console:
    """What all pages share."""

    def __init__(self, options: ConsoleOptions) -> None:
        """Make the parts; nothing runs before `start`.

        Raises:
            OptionsError: The audit trail cannot be opened.
        """
        self.options = options
        self.changes = Changes()
        self.board = Board()
        self.visitors = Visitors(options.keys, user=_user())
        self.control = Control(is_allowed=options.control, changed=self.changes.announce)
        self.audit = Audit(options.audit)
        self.platform = Platform(self.changes.announce)
        self.servers = SessionServers(self.platform, self.changes.announce)
        self.sequences = Sequences(self.platform, self.changes.announce)
        self.bench = Bench(self.platform, self.changes.announce)
        self.measurements = MeasureRuns(self.changes.announce)
        self.pin_maps = PinMapFiles(options.pin_maps)
        self.pin_map = ""
        """Path of the active pin map: that of the last measurement, "" for none."""
        self.logs = Logs(self.servers.logger, self.changes.announce)
        self.stations = Stations(
            options.store, insecure=options.store_insecure, changed=self.changes.announce
        )

    @property
    def logger(self) -> SessionServer:
        """The logger."""
        return self.servers.logger

    def make_link(self) -> str:
        """Return the one-time token of a new link, for the user who runs the console."""
        role = Role.ADMINISTRATE if self.options.control else Role.OBSERVE
        return self.visitors.make_link(role)

    def start(self) -> None:
        """Begin to follow everything. An event loop must run."""
        self.changes.begin()
        self.platform.start()
        self.servers.start()
        self.sequences.start()
        self.bench.start()
        self.logs.start()
        self.stations.start()

    def stop(self) -> None:
        """End everything that runs."""
        self.measurements.close()
        self.stations.stop()
        self.logs.stop()
        parts = (self.bench, self.sequences, self.servers, self.platform)
        for part in parts:
            part.stop()
        for part in parts:
            part.join(_STOP_SECONDS)
        self.audit.close()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return "local user"
