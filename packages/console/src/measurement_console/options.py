"""Define the options of the console."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from session_sharing.roles import ApiKey

from measurement_console.errors import OptionsError


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """Where the console listens, and what its users may do."""

    host: str = "127.0.0.1"
    """Address to listen at. Other hosts cannot reach 127.0.0.1."""
    port: int = 0
    """TCP port; 0 takes any free port."""
    control: bool = False
    """Whether users may change something. Without it, everything is read-only."""
    names: tuple[str, ...] = ()
    """Names by which browsers on other hosts call this host."""
    certificate: Path | None = None
    """PEM file of the console's certificate. Set it with `certificate_key`."""
    certificate_key: Path | None = None
    """PEM file of the private key of `certificate`."""
    keys: Mapping[str, ApiKey] = field(default_factory=dict)
    """API keys by id, with which users of other hosts sign in."""
    store: str = ""
    """URL of the store whose stations are shown; empty for none."""
    store_insecure: bool = False
    """Connect to the store also if TLS does not prove which host answers."""
    audit: Path | None = None
    """File to which the console appends every control action; None for no file."""

    pin_maps: tuple[Path, ...] = (Path(),)
    """Pin maps that users may choose, and folders with such files."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach the console."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def speaks_tls(self) -> bool:
        """Whether browsers must speak TLS."""
        return self.certificate is not None

    def check(self) -> None:
        """Check the options.

        Raises:
            OptionsError: Options contradict each other, or other hosts could use the console
                without TLS and keys.
        """
        if (self.certificate is None) != (self.certificate_key is None):
            raise OptionsError("--tls-certificate and --tls-key need each other. Give both files.")
        if self.is_loopback:
            return
        if not self.speaks_tls or not self.keys:
            raise OptionsError(
                f"Other hosts could reach the console at {self.host}. Give it a certificate by "
                "--tls-certificate and --tls-key, and keys of its users by --api-keys. Or use "
                "127.0.0.1."
            )
