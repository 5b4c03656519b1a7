"""`platform-sim pinmap`: works on .pinmap files."""

from __future__ import annotations

import click


@click.group("pinmap")
def pinmap_group() -> None:
    """Work on .pinmap files."""
