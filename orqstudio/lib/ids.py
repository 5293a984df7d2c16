"""ULIDs: made here, kept in `uuid` columns, shown as 26 characters."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ulid import ULID

if TYPE_CHECKING:
    from datetime import datetime

LENGTH = 26


def new_id() -> uuid.UUID:
    """Return a fresh ULID as the UUID that the database keeps.

    It sorts by the millisecond it was made in; within one, at random.
    """
    return ULID().to_uuid()


def id_at(moment: datetime) -> uuid.UUID:
    """Return a ULID whose time part is `moment` (aware), for events of the past."""
    return ULID.from_datetime(moment).to_uuid()


def show(value: uuid.UUID) -> str:
    """Return the 26 characters that users and the API see."""
    return str(ULID.from_uuid(value))


def parse(text: str) -> uuid.UUID | None:
    """Return the UUID behind 26 ULID characters, or None when they are not one."""
    if len(text) != LENGTH:
        return None
    try:
        return ULID.from_str(text.upper()).to_uuid()
    except ValueError:
        return None
