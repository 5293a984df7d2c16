"""DATABASE_URL to Django's dictionary and back, by libpq's own rules."""

from __future__ import annotations

from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from orqstudio.lib.env import BadSettingError

_NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST"}


def parse(url: str) -> dict[str, Any]:
    """Return NAME, USER, PASSWORD, HOST, PORT and OPTIONS of a PostgreSQL URL.

    Raises:
        BadSettingError: the text is no connection string of PostgreSQL.
    """
    if "://" in url and not url.startswith(("postgres://", "postgresql://")):
        message = "DATABASE_URL must begin with postgresql:// (PostgreSQL 15 or later)."
        raise BadSettingError(message)
    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError as error:
        message = f"DATABASE_URL is not a PostgreSQL connection string: {error}"
        raise BadSettingError(message) from error
    found = {name: str(parts.pop(key, "")) for key, name in _NAMES.items()}
    port = str(parts.pop("port", "") or "")
    return {**found, "PORT": port, "OPTIONS": {"connect_timeout": 10, **parts}}


def conninfo(database: dict[str, Any]) -> str:
    """Return libpq's connection string of one entry of Django's DATABASES."""
    parts = {key: database.get(name) for key, name in _NAMES.items()}
    parts |= {"port": database.get("PORT"), **database.get("OPTIONS", {})}
    return make_conninfo("", **{key: value for key, value in parts.items() if value})
