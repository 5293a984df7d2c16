"""What must happen without a call: leases, lost calls, replay, partitions, wake-ups.

Has a connection of its own and begins again when PostgreSQL comes back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from metering.calls import Call, Outcome, Status
from metering.ledger.actor import LedgerUnavailableError
from metering.ledger_sql import FREED_CHANNEL
from orqstudio.lib.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from metering.ledger.actor import Ledger
    from metering.ledger.requests import Settle

logger = logging.getLogger(__name__)

TICK_S = 0.5
PARTITIONS_EVERY_S = 3600.0
REPLAYED_AT_ONCE = 256

# In the batches' lock order, and past the holds that a batch is just ending.
_RENEW = """
UPDATE hold SET expires_at = now() + make_interval(secs => %s)
WHERE id IN (
    SELECT id FROM hold WHERE id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED
)
"""
_FIND_EXPIRED = """
SELECT id, workspace_id, occurred_at, external_id, api_key_id, deployment_key,
    operation, provider_key, model, project_id, matched_budget_ids
FROM hold WHERE expires_at < now() ORDER BY expires_at LIMIT 200
"""


class Keeper:
    """The housekeeping task of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        """Prepare; `start` begins."""
        self._ledger = ledger
        self._task: asyncio.Task[None] | None = None
        self._renewed_at = self._partitioned_at = float("-inf")

    def start(self) -> None:
        """Begin; returns at once."""
        self._task = asyncio.create_task(self._run(), name="ledger-keeper")

    async def stop(self) -> None:
        """End at once; nothing it does is lost by being cut off."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                async with await AsyncConnection.connect(
                    self._ledger.settings.conninfo,
                    autocommit=True,
                    connect_timeout=3,
                    application_name="orqstudio-keeper",
                ) as connection:
                    await connection.execute(f"LISTEN {FREED_CHANNEL}")
                    while True:
                        await self._tick(connection)
            except (psycopg.Error, LedgerUnavailableError) as error:
                logger.warning("keeper: begins again after: %s", error)
            except Exception:  # without its keeper a ledger's calls all expire
                logger.exception("keeper: begins again")
            await asyncio.sleep(TICK_S)

    async def _tick(self, connection: AsyncConnection[Any]) -> None:
        """Listen for one tick, then do what is due."""
        async for notice in connection.notifies(timeout=TICK_S):
            self._ledger.wake([UUID(notice.payload)])
        await self._renew(connection)
        await self._reap(connection)
        await self._replay(connection)
        now_s = time.monotonic()
        if now_s - self._partitioned_at >= PARTITIONS_EVERY_S:
            await connection.execute("SELECT usage_event_ensure_partitions(now())")
            self._partitioned_at = now_s

    async def _renew(self, connection: AsyncConnection[Any]) -> None:
        """Keep the holds of running calls alive; every third of their lease."""
        now_s, lease_s = time.monotonic(), self._ledger.settings.lease_s
        ids = list(self._ledger.running)
        if ids and now_s - self._renewed_at >= lease_s / 3:
            await connection.execute(_RENEW, [lease_s, ids])
            self._renewed_at = now_s

    async def _reap(self, connection: AsyncConnection[Any]) -> None:
        """Turn expired holds of dead processes into events of status `lost`."""
        cursor = await connection.execute(_FIND_EXPIRED)
        rows = await cursor.fetchall()
        calls = [_call(row) for row in rows]
        dead = [call for call in calls if call.id not in self._ledger.running]
        outcome = Outcome(
            settled_at=utc_now(),
            status=Status.LOST,
            http_status=0,
            cost_usd=None,
            price_source="unknown",
            error_code="process_died",
        )
        await asyncio.gather(*(self._ledger.settle(call, outcome) for call in dead))

    async def _replay(self, connection: AsyncConnection[Any]) -> None:
        """Bring spooled settlements into the ledger, then put their file away."""
        for left in self._ledger.spool.take():
            logger.warning(
                "keeper: replays %d calls of %s", len(left.settles), left.path.name
            )
            is_refused = left.is_damaged
            for start in range(0, len(left.settles), REPLAYED_AT_ONCE):
                some = left.settles[start : start + REPLAYED_AT_ONCE]
                is_refused |= await self._settle_again(some)
                await self._renew(connection)
            if is_refused:
                self._ledger.spool.set_aside(left.path)
            else:
                self._ledger.spool.discard(left.path)

    async def _settle_again(self, settles: Sequence[Settle]) -> bool:
        """Settle, and return whether PostgreSQL refused some for good.

        Raises:
            LedgerUnavailableError: not now; nothing may be put away.
        """
        answers = await asyncio.gather(
            *(self._ledger.settle(each.call, each.outcome) for each in settles),
            return_exceptions=True,
        )
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        for error in errors:
            if not isinstance(error, psycopg.Error):
                raise error
        return bool(errors)


def _call(row: Sequence[Any]) -> Call:
    """Return the call behind a row of `_FIND_EXPIRED`."""
    values = list(row)
    values[2] = values[2].astimezone(UTC)
    values[-1] = tuple(values[-1])
    return Call(*values)
