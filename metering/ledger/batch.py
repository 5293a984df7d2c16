"""One batch of the ledger: lock, decide, write, commit; two round trips.

`metering.ledger.state` does the arithmetic, `metering.ledger_sql` holds the SQL.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import InterfaceError, OperationalError

from metering import ledger_sql as sql
from metering.admission import Account
from metering.ledger.requests import Admit, Answer, Request
from metering.ledger.rows import (
    AccountKey,
    event_keys,
    recent_params,
    scope_spans,
    to_json,
    workspace_keys,
)
from metering.ledger.scopes import BUDGET_WIDTH, BudgetBook, BudgetRow
from metering.ledger.state import Batch, Entry, Held
from metering.periods import Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from psycopg import AsyncConnection

    from metering.calls import Call


_LOST = (OperationalError, InterfaceError)
_BROKEN = ("08", "57P")
"""SQLSTATEs of connections that end; the other errors are answers of a live server."""


class ConnectionLostError(Exception):
    """PostgreSQL went away in mid-batch.

    `may_have_committed` False: nothing was written, the batch may simply run again.
    """

    def __init__(self, *, may_have_committed: bool) -> None:
        """Remember how far the batch had come."""
        super().__init__("connection to PostgreSQL lost")
        self.may_have_committed = may_have_committed


@dataclass(slots=True)
class BatchResult:
    """Answers in the order of the requests, and the budgets whose holds shrank."""

    answers: list[Answer]
    freed_budgets: set[UUID]


async def run_batch(
    connection: AsyncConnection[Any],
    requests: Sequence[Request],
    *,
    owner: str,
    lease_s: float,
    queued_budgets: Iterable[UUID] = (),
) -> BatchResult:
    """Run one transaction over the requests and return after its commit.

    Args:
        connection: the ledger's own, in no transaction.
        requests: in order of arrival; settlements are applied before admissions.
        owner: names this process in the holds it takes.
        lease_s: seconds until a hold that is not renewed expires.
        queued_budgets: budgets that calls of this process wait for; newcomers
            queue up behind them.

    Raises:
        WindowsMissingError: call `create_windows` and try again.
        ConnectionLostError: PostgreSQL went away.
        psycopg.Error: PostgreSQL refused and rolled back; nothing was written.
    """
    is_writing = False
    try:
        async with _transaction(connection):
            batch = await _open(connection, requests, queued_budgets)
            batch.settle_all()
            batch.admit_all()
            is_writing = True
            await _write(connection, batch, owner=owner, lease_s=lease_s)
    except _LOST as error:
        if error.sqlstate and not error.sqlstate.startswith(_BROKEN):
            raise
        raise ConnectionLostError(may_have_committed=is_writing) from error
    return BatchResult([batch.answers[i] for i in range(len(requests))], batch.freed)


@asynccontextmanager
async def _transaction(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """Run a transaction as one pipeline: BEGIN and COMMIT travel with the rest.

    psycopg's own `transaction()` waits for each of them, and for the pipeline's end:
    five round trips instead of two.
    """
    try:
        async with connection.pipeline():
            await connection.execute("BEGIN")
            yield
            await connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            await connection.rollback()
        raise


async def create_windows(
    connection: AsyncConnection[Any], requests: Sequence[Request]
) -> None:
    """Create the windows that the requests need and that have no row yet.

    The row is inserted first and its sum taken by a later statement: whoever
    settles into this window needs the row's lock, so nothing can slip between.
    """
    async with connection.transaction():
        await connection.execute(sql.LOCK_WORKSPACES, [workspace_keys(requests)])
        cursor = await connection.execute(sql.READ_BUDGETS, scope_spans(requests))
        scopes = _needed_windows(BudgetBook(await cursor.fetchall()), requests)
        if not scopes:
            return
        keys = sorted(scopes)
        columns = [list(column) for column in zip(*keys, strict=True)]
        cursor = await connection.execute(sql.CREATE_WINDOWS, columns)
        made = [scopes[key] for key in await cursor.fetchall()]
        await _fill(connection, made)


async def _fill(
    connection: AsyncConnection[Any], made: Sequence[sql.WindowScope]
) -> None:
    """Write the sums of the ledger into rows that were just created."""
    by_kind: dict[str, list[sql.WindowScope]] = defaultdict(list)
    for scope in made:
        by_kind[scope.scope_kind].append(scope)
    names = ("budget_id", "starts_at", "ends_at", *_AMOUNTS)
    for kind, scopes in by_kind.items():
        cursor = await connection.execute(
            sql.sum_windows_sql(kind), sql.sum_windows_params(scopes)
        )
        rows = [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
        await connection.execute(sql.ADD_TO_WINDOWS, [to_json(rows)])


_AMOUNTS = (
    "settled_usd",
    "settled_tokens",
    "settled_requests",
    "held_usd",
    "held_tokens",
    "held_requests",
)


async def _open(
    connection: AsyncConnection[Any],
    requests: Sequence[Request],
    queued_budgets: Iterable[UUID],
) -> Batch:
    """Take the locks and read what the decisions need, in one round trip."""
    ending = [r for r in requests if not isinstance(r, Admit)]
    await connection.execute(sql.LOCK_WORKSPACES, [workspace_keys(requests)])
    holds = await connection.execute(sql.LOCK_HOLDS, [[r.call.id for r in ending]])
    windows = await connection.execute(sql.LOCK_WINDOWS, scope_spans(requests))
    held = {
        id_: Held(usd, tokens, tuple(matched))
        for id_, usd, tokens, matched in await holds.fetchall()
    }
    rows = await windows.fetchall()
    book = BudgetBook(rows)
    entries = _read_windows(book, rows, requests)
    await _read_recent(connection, book, entries, requests)
    late = [r.call for r in ending if r.call.id not in held]
    events = await _find_events(connection, late) if late else {}
    queued = frozenset(queued_budgets)
    return Batch(requests, book, entries, held, events, queued)


async def _read_recent(
    connection: AsyncConnection[Any],
    book: BudgetBook,
    entries: dict[AccountKey, Entry],
    requests: Sequence[Request],
) -> None:
    """Read the last minute's arrivals for the accounts that limit them.

    Statements of their own, under a lock of the budget: so they see what the batches
    before this one have admitted, be it in the window before.
    """
    arrivals = [r.call.occurred_at for r in requests if isinstance(r, Admit)]
    limited: dict[str, list[Account]] = defaultdict(list)
    for entry in entries.values():
        if entry.account.requests_per_minute and arrivals:
            limited[entry.account.scope_kind].append(entry.account)
    if limited:
        keys = sql.lock_keys(a.budget_id for each in limited.values() for a in each)
        await connection.execute(sql.LOCK_RATES, [keys])
    for kind, accounts in limited.items():
        budgets = [book.by_id[account.budget_id] for account in accounts]
        params = recent_params(budgets, min(arrivals), most_more=len(requests))
        cursor = await connection.execute(sql.read_recent_sql(kind), params)
        found = dict(await cursor.fetchall())
        for account in accounts:
            recent = reversed(found.get(account.budget_id, []))
            account.recent.extend(at.astimezone(UTC) for at in recent)


async def _find_events(
    connection: AsyncConnection[Any], calls: Sequence[Call]
) -> dict[UUID, str]:
    cursor = await connection.execute(sql.FIND_EVENTS, event_keys(calls))
    return dict(await cursor.fetchall())


async def _write(
    connection: AsyncConnection[Any], batch: Batch, *, owner: str, lease_s: float
) -> None:
    """Queue the batch's writes; the pipeline sends them with the commit."""
    if batch.gone_holds:
        await connection.execute(sql.DELETE_HOLDS, [batch.gone_holds])
    if batch.lost_events:
        await connection.execute(sql.DELETE_LOST_EVENTS, event_keys(batch.lost_events))
    if batch.new_holds:
        await connection.execute(
            sql.INSERT_HOLDS, [owner, lease_s, to_json(batch.new_holds)]
        )
    if batch.new_events:
        await connection.execute(sql.INSERT_EVENTS, [to_json(batch.new_events)])
    changed = [
        {"budget_id": key[0], "starts_at": key[1], "ends_at": key[2]}
        | {name: entry.added[name] for name in _AMOUNTS}
        for key, entry in batch.entries.items()
        if entry.added
    ]
    if changed:
        await connection.execute(sql.ADD_TO_WINDOWS, [to_json(changed)])
    await _write_days(connection, batch)
    await _write_signals(connection, batch)


async def _write_days(connection: AsyncConnection[Any], batch: Batch) -> None:
    rows = _day_rows(batch)
    if rows:
        await connection.execute(sql.ADD_TO_DAYS, [to_json(rows)])
    found = [row for row in rows if row["found"]]
    if found:
        await connection.execute(sql.TAKE_FOUND_FROM_DAYS, [to_json(found)])


_REFUSAL_COLUMNS = ("budget_id", "day", "code", "refusals", "last_at")


async def _write_signals(connection: AsyncConnection[Any], batch: Batch) -> None:
    """Count refusals, mark queues, and wake the processes that wait."""
    if batch.refusals:
        rows = [
            dict(zip(_REFUSAL_COLUMNS, (*key, *value), strict=True))
            for key, value in sorted(batch.refusals.items())
        ]
        await connection.execute(sql.ADD_REFUSALS, [to_json(rows)])
    if batch.waited_for:
        now = max(r.now for r in batch.requests if isinstance(r, Admit))
        params = [sorted(batch.waited_for), now, now]
        await connection.execute(sql.MARK_WAITED_FOR, params)
    awaited = {
        str(entry.account.budget_id)
        for entry in batch.entries.values()
        if entry.is_waited_for and entry.account.budget_id in batch.freed
    }
    for budget_id in sorted(awaited):
        await connection.execute(sql.NOTIFY_FREED, [budget_id])


def _day_rows(batch: Batch) -> list[dict[str, Any]]:
    names = ("workspace_id", "external_id", "day", "provider_key", "model")
    return [
        dict(zip(names, key, strict=True)) | sums
        for key, sums in sorted(batch.days.items())
    ]


def _needed_windows(
    book: BudgetBook, requests: Sequence[Request]
) -> dict[AccountKey, sql.WindowScope]:
    """Return every window that some request counts in, by its key."""
    return {
        (budget.id, *window): sql.WindowScope(
            budget.id,
            budget.workspace_id,
            budget.scope_kind,
            budget.scope_target,
            window,
        )
        for request in requests
        for budget, window in book.windows_of(book.identify_widely(request))
    }


def _read_windows(
    book: BudgetBook, rows: Sequence[Sequence[Any]], requests: Sequence[Request]
) -> dict[AccountKey, Entry]:
    """Return the locked window rows by key."""
    now = max(r.now if isinstance(r, Admit) else r.call.occurred_at for r in requests)
    entries = {}
    for row in rows:
        budget, cells = book.by_id[row[0]], row[BUDGET_WIDTH:]
        if cells[0] is not None:
            window = Window(cells[0].astimezone(UTC), cells[1].astimezone(UTC))
            entries[budget.id, *window] = Entry(
                account=_account(budget, window, cells[2:8]),
                is_deciding=budget.decides_at(now),
                is_waited_for=bool(cells[8]),
            )
    return entries


def _account(budget: BudgetRow, window: Window, amounts: Sequence[Any]) -> Account:
    return Account(
        budget_id=budget.id,
        scope_kind=budget.scope_kind,
        scope_target=budget.scope_target,
        mode=budget.mode,
        amount_usd=budget.amount_usd,
        token_limit=budget.token_limit,
        requests_per_minute=budget.requests_per_minute,
        window=window,
        **dict(zip(_AMOUNTS, amounts, strict=True)),
    )
