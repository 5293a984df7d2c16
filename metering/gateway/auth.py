"""Who calls: the API key behind a bearer token."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from identities.rights import Level, Resource, level_of
from metering.gateway.errors import GatewayError
from metering.gateway.store import Kept, Store
from orqstudio.lib.clock import utc_now
from orqstudio.lib.tokens import hash_token, read_bearer

if TYPE_CHECKING:
    from metering.gateway.store import Row

_FIND_KEY = """
SELECT k.id, k.workspace_id, s.token_hash, k.bound_external_id, k.expires_at,
    k.revoked_at, w.unpriced_model, s.expires_at, k.disabled_at, k.permission_mode,
    k.access, k.bound_prefix, k.owner_external_id, k.project_id
FROM api_key_secret s
JOIN api_key k ON k.id = s.api_key_id
JOIN workspace w ON w.id = k.workspace_id
WHERE s.token_hash = %s
"""
# At most one write a minute and key: a busy key must not become a hot row.
_TOUCH_KEY = """
UPDATE api_key SET last_used_at = now()
WHERE id = %s
  AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
"""
TOUCH_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated facts of a call.

    Attributes:
        key_id: the API key.
        workspace_id: its tenant.
        bound_external_id: whose all calls are; empty: whoever they name.
        refuses_unpriced: what the workspace wants of models without a price.
        may_call: whether the key has the right to make metered calls.
        bound_prefix: what every external_id named must begin with.
        owner_external_id: whose calls are that name nobody.
        project_id: the project of the key; empty: none.
    """

    key_id: UUID
    workspace_id: UUID
    bound_external_id: str
    refuses_unpriced: bool
    may_call: bool = True
    bound_prefix: str = ""
    owner_external_id: str = ""
    project_id: str = ""

    def require_calls(self) -> None:
        """Pass, or refuse.

        Raises:
            GatewayError: 403, the key's rights do not go so far.
        """
        if not self.may_call:
            message = "not authorized for this endpoint"
            raise GatewayError(403, "not_authorized", message)


class KeyRing:
    """Authenticates; a key is known for less than a second."""

    def __init__(self, store: Store) -> None:
        """Begin with no key known."""
        self._store = store
        self._kept: Kept[Row | None] = Kept()
        self._touched: Kept[None] = Kept(TOUCH_EVERY_S)
        self._tasks: set[asyncio.Task[None]] = set()

    async def authenticate(self, authorization: str | None) -> Caller:
        """Return who calls.

        Raises:
            GatewayError: 401 without a valid key, 503 without a database.
        """
        token = read_bearer(authorization)
        if token is None:
            raise _unauthenticated(
                "No API key was given; send Authorization: Bearer <your-api-key>."
            )
        digest = hash_token(token)
        row = await self._kept.get(
            digest, lambda: self._store.fetch_one(_FIND_KEY, [digest])
        )
        now = utc_now()
        if row is None or not _is_valid(row, digest, now):
            raise _unauthenticated("API key is not valid for this workspace")
        await self._touched.get(row[0], lambda: self._touch(row[0]))
        return _caller_of(row)

    async def _touch(self, key_id: UUID) -> None:
        """Note the use in the background; the call does not wait for it."""
        task = asyncio.create_task(self._write_use(key_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_use(self, key_id: UUID) -> None:
        try:
            await self._store.run(_TOUCH_KEY, [key_id])
        except GatewayError:
            return  # a display value; the next minute brings another chance


def _is_valid(row: Row, digest: bytes, now: datetime) -> bool:
    """Whether key and secret are in force; `identities.auth` agrees."""
    is_same = hmac.compare_digest(bytes(row[2]), digest)
    is_expired = any(end is not None and end <= now for end in (row[4], row[7]))
    is_stopped = row[5] is not None or row[8] is not None
    return is_same and not is_expired and not is_stopped


def _caller_of(row: Row) -> Caller:
    return Caller(
        key_id=row[0],
        workspace_id=row[1],
        bound_external_id=row[3],
        refuses_unpriced=row[6] == "refuse",
        may_call=level_of(row[9], row[10], Resource.CALLS) >= Level.WRITE,
        bound_prefix=row[11],
        owner_external_id=row[12],
        project_id=row[13],
    )


def _unauthenticated(message: str) -> GatewayError:
    return GatewayError(
        401,
        "invalid_api_key",
        message,
        headers={"WWW-Authenticate": 'Bearer realm="orqstudio"'},
    )
