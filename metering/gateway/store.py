"""Reads of the gateway: small async queries, kept for less than a second.

A revoked key, an edited deployment or a new price therefore takes effect everywhere
within a second, and a busy key costs one query a second. Budgets are never kept.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from metering.gateway.errors import unavailable

if TYPE_CHECKING:
    from collections.abc import (
        Awaitable,
        Callable,
        Hashable,
        Mapping,
        Sequence,
    )

    Params = Sequence[object] | Mapping[str, object]

POOL_MOST = 4
KEPT_S = 0.9
KEPT_MOST = 10_000
Row = tuple[Any, ...]
T = TypeVar("T")


class Store:
    """A small pool of connections for reads and for identity upserts."""

    def __init__(self, conninfo: str) -> None:
        """Prepare; `open` connects in the background."""
        self._pool = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=POOL_MOST,
            timeout=3,
            open=False,
            kwargs={"autocommit": True, "application_name": "orqstudio-gateway"},
        )

    async def open(self) -> None:
        """Begin to connect; calls before that wait a bounded time."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def fetch_one(self, sql: str, params: Params) -> Row | None:
        """Return the first row or None.

        Raises:
            GatewayError: 503, the database cannot be reached.
        """
        return await self._execute(sql, params, has_rows=True)

    async def run(self, sql: str, params: Params) -> None:
        """Run one statement that returns no rows and may run twice.

        Raises:
            GatewayError: 503, the database cannot be reached.
        """
        await self._execute(sql, params, has_rows=False)

    async def _execute(self, sql: str, params: Params, *, has_rows: bool) -> Row | None:
        """Execute; after a restart of PostgreSQL each pooled connection fails once."""
        for _ in range(POOL_MOST):
            try:
                async with self._pool.connection() as connection:
                    cursor = await connection.execute(sql, params)
                    return await cursor.fetchone() if has_rows else None
            except PoolTimeout as error:  # an OperationalError too: so it comes first
                raise unavailable() from error
            except (psycopg.OperationalError, psycopg.InterfaceError):
                continue
        raise unavailable()


class Kept(Generic[T]):
    """Answers kept for `KEPT_S`, the whole lot dropped when there are too many.

    Who asks for what is being loaded waits for that: one query, however many calls.
    """

    def __init__(self, kept_s: float = KEPT_S) -> None:
        """Begin empty."""
        self._kept_s = kept_s
        self._answers: dict[Hashable, tuple[float, T]] = {}
        self._loading: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        """Return the kept answer, else load and keep it; errors are not kept."""
        found = self._answers.get(key)
        if found is not None and time.monotonic() - found[0] < self._kept_s:
            return found[1]
        loading = self._loading.get(key)
        if loading is None:
            loading = asyncio.create_task(self._load(key, load))
            self._loading[key] = loading
        return await asyncio.shield(loading)

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        now_s = time.monotonic()
        try:
            answer = await load()
        finally:
            del self._loading[key]
        if len(self._answers) >= KEPT_MOST:
            self._answers.clear()
        self._answers[key] = (now_s, answer)
        return answer
