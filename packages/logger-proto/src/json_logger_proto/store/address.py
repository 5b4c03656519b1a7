"""Check the URL of a store before anything is sent or said: no password, and TLS off this host."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from session_sharing import InvalidArgumentError

_SECRETS = ("password", "sslpassword")
_PLACES = ("host", "hostaddr", "service")
_PLACE_VARIABLES = ("PGHOST", "PGHOSTADDR", "PGSERVICE")
_SETTINGS = {
    "application_name": "json-logger",
    "client_encoding": "UTF8",
    "connect_timeout": "10",
    # A cut connection is noticed within 15 s, whether data or an answer is awaited.
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "15000",
}


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a store is."""

    conninfo: str
    """How libpq connects to it. It has no password."""
    shown: str
    """The store as messages name it: hosts and database."""


def parse_address(url: str, *, insecure: bool = False) -> StoreAddress:
    """Read the URL of a store, such as ``postgresql://station7@db.example/records``.

    Args:
        url: A URL or a connection string of libpq.
        insecure: Allow connections to other hosts without a checked certificate.

    Raises:
        InvalidArgumentError: The URL has a password, cannot be read, or would connect to another
            host without a checked certificate. The message never repeats the URL, which may have a
            secret.
    """
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except ProgrammingError:
        raise InvalidArgumentError(
            "The URL of the store cannot be read. It looks like postgresql://ROLE@HOST/DATABASE."
        ) from None
    if any(given.get(name) for name in _SECRETS):
        raise InvalidArgumentError(
            "The URL of the store has a password, which other users can see in the list of "
            "processes. Put the password into a password file (.pgpass) or a service file, and "
            "change it, because it may have been seen."
        )
    mode = _ssl_mode(given, insecure)
    conninfo = make_conninfo("", **{**_SETTINGS, **given, **mode})  # the later ones win
    return StoreAddress(conninfo, _shown(given))


def _ssl_mode(given: Mapping[str, str], insecure: bool) -> dict[str, str]:
    if insecure or _is_on_this_host(given):
        return {}
    wanted = given.get("sslmode") or os.environ.get("PGSSLMODE") or "verify-full"
    if wanted != "verify-full":
        raise InvalidArgumentError(
            f"The store is on another host, and sslmode={wanted} does not check who answers there. "
            "Use sslmode=verify-full, with sslrootcert for an authority of your own. In a network "
            "that you trust, add --store-insecure."
        )
    return {"sslmode": wanted}


def _is_on_this_host(given: Mapping[str, str]) -> bool:
    """Return whether every address that libpq could use is certainly one of this host."""
    if not any(given.get(name) for name in _PLACES):
        return not any(os.environ.get(name) for name in _PLACE_VARIABLES)
    if given.get("service"):
        return False
    places = given.get("hostaddr") or given.get("host", "")
    return all(map(_is_local, places.split(",")))


def _is_local(host: str) -> bool:
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(given: Mapping[str, str]) -> str:
    place = given.get("host") or given.get("hostaddr") or given.get("service") or "this host"
    return f"{given.get('dbname', 'the default database')} at {place}"
