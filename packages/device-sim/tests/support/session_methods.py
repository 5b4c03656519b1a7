"""The public methods of the drivers' Session classes, and calls that both drivers have."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def configuration_buffer(session: Any, tmp_path: Path) -> None:
    """Export the attributes and import them again."""
    session.import_attribute_configuration_buffer(session.export_attribute_configuration_buffer())


def configuration_file(session: Any, tmp_path: Path) -> None:
    """Export the attributes to a file and import them again."""
    path = str(tmp_path / "attributes.json")
    session.export_attribute_configuration_file(path)
    session.import_attribute_configuration_file(path)


def locks(session: Any, tmp_path: Path) -> None:
    """Lock the session twice and unlock it again."""
    with session.lock():
        session.lock()
        session.unlock()


def public_methods(session_class: type) -> set[str]:
    """Return the names of all methods that a user may call."""
    names = (name for name in dir(session_class) if not name.startswith("_"))
    return {name for name in names if callable(_declared(session_class, name))}


def _declared(session_class: type, name: str) -> object:
    # Not getattr: properties are not callable, whatever their value is.
    return next(vars(base)[name] for base in session_class.__mro__ if name in vars(base))
