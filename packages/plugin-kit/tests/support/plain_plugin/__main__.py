"""Run the commands of the plug-in: ``python -m plain_plugin``."""

from __future__ import annotations

from pathlib import Path

from plugin_kit.hosting import Plugin, plugin_cli

DATA = Path(__file__).parent / "data"

if __name__ == "__main__":
    plugin_cli(Plugin("plain_plugin", "plain-plugin", "1.0.0", DATA))(prog_name="plain-plugin")
