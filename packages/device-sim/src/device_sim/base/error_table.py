"""The errors of one driver: those of all drivers, and those in its `errors.toml`."""

from __future__ import annotations

from pathlib import Path

from device_sim import errors
from device_sim.errors import ErrorCode
from device_sim.toml import read_data


class ErrorTable:
    """The errors of one driver. Each is an attribute: `ERRORS.MAX_TIME_EXCEEDED`.

    Args:
        folder: The driver's folder, with `errors.toml`. In it a table is an error or warning: its
            name, `code` and `text`, and in `unverified` what no public document says of it.
    """

    def __init__(self, folder: Path) -> None:
        shared = {name: e for name, e in vars(errors).items() if isinstance(e, ErrorCode)}
        own = read_data(folder / "errors.toml")
        self._by_name = shared | {
            name: ErrorCode(item["code"], item["text"]) for name, item in own.items()
        }
        self._by_code = {error.code: error for error in self._by_name.values()}

    def __getattr__(self, name: str) -> ErrorCode:
        try:
            return self._by_name[name]
        except KeyError:
            raise AttributeError(f"errors.toml has no error '{name}'") from None

    def find(self, code: int) -> ErrorCode | None:
        """Return the error with a code, None if it is not known."""
        return self._by_code.get(code)

    def text(self, code: int) -> str:
        """Return the text of a code, as clients ask for it."""
        known = self.find(code)
        return known.text if known else f"Unknown status code {code}."
