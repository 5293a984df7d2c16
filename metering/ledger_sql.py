"""The SQL of the ledger, and the one lock that budget changes share with it.

Lock order of every batch, so that no two can wait for each other: the workspace's
advisory lock (shared), its holds by id, windows by (budget, start), rate limits by
budget, daily rows by key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from metering.periods import Window
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Iterable

FREED_CHANNEL = "orqstudio_freed"


class Cursor(Protocol):
    """What Django's and psycopg's synchronous cursors have in common."""

    def execute(self, sql: str, params: Any = None, /) -> Any:
        """Run one statement."""


def lock_budgets_exclusively(cursor: Cursor, workspace_id: UUID) -> None:
    """Keep every ledger batch of the workspace out until this transaction ends.

    A budget that appears or changes its windows while a batch is between reading
    budgets and committing events would miss those events; batches take this lock
    shared for their few milliseconds, so the wait is short.
    """
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key(workspace_id)])


def lock_key(row_id: UUID) -> int:
    """Return the key of a row's advisory lock: the ULID's random half, signed."""
    return int.from_bytes(row_id.bytes[8:], signed=True)


def lock_keys(row_ids: Iterable[UUID]) -> list[int]:
    """Return the keys of several rows' advisory locks, each once, in lock order."""
    return sorted({lock_key(row_id) for row_id in row_ids})


LOCK_WORKSPACES = (
    "SELECT pg_advisory_xact_lock_shared(key) FROM unnest(%s::bigint[]) AS key"
)

# Two windows of a budget meet within a minute, so their own locks are not enough.
LOCK_RATES = "SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key"

LOCK_HOLDS = """
SELECT id, held_usd, held_tokens, matched_budget_ids FROM hold
WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""

_BUDGET_COLUMNS = """
    b.id, b.workspace_id, b.scope_kind, b.scope_target, b.period, b.time_zone,
    b.week_starts_on, b.amount_usd, b.token_limit, b.mode, b.is_active,
    b.expires_at, b.reset_at, b.created_at, b.requests_per_minute, b.match_cel
"""

# Budgets of the scopes asked for, and every budget with an expression: whether that
# holds is found out per call, in memory.
_BUDGETS = """(
    SELECT b.*, k.earliest, k.latest
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[],
                %s::timestamptz[])
         AS k(workspace_id, scope_kind, scope_target, earliest, latest)
    JOIN budget b ON b.workspace_id = k.workspace_id AND b.scope_kind = k.scope_kind
      AND b.scope_target = k.scope_target
    UNION ALL
    SELECT b.*, k.earliest, k.latest
    FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[])
         AS k(workspace_id, earliest, latest)
    JOIN budget b ON b.workspace_id = k.workspace_id AND b.scope_kind = 'match'
)"""

READ_BUDGETS = f"SELECT {_BUDGET_COLUMNS} FROM {_BUDGETS} b"  # noqa: S608

# OFFSET 0 keeps the order of the inner query, hence the order of the row locks.
LOCK_WINDOWS = f"""
SELECT {_BUDGET_COLUMNS},
    w.starts_at, w.ends_at, w.settled_usd, w.settled_tokens, w.settled_requests,
    w.held_usd, w.held_tokens, w.held_requests, w.waited_until > now() AS is_waited_for
FROM (SELECT * FROM {_BUDGETS} b ORDER BY id OFFSET 0) b
LEFT JOIN LATERAL (
    SELECT * FROM budget_window w
    WHERE w.budget_id = b.id AND w.starts_at <= b.latest AND w.ends_at > b.earliest
    ORDER BY w.starts_at, w.ends_at FOR UPDATE
) w ON true
"""  # noqa: S608

FIND_EVENTS = """
SELECT e.id, e.status FROM usage_event e
JOIN unnest(%s::uuid[], %s::timestamptz[], %s::uuid[])
  AS k(workspace_id, occurred_at, id) USING (workspace_id, occurred_at, id)
"""

INSERT_HOLDS = """
INSERT INTO hold (id, workspace_id, occurred_at, external_id, api_key_id,
    deployment_key, operation, provider_key, model, project_id, matched_budget_ids,
    held_usd, held_tokens, owner, expires_at)
SELECT id, workspace_id, occurred_at, external_id, api_key_id, deployment_key,
    operation, provider_key, model, project_id, matched_budget_ids, held_usd,
    held_tokens, %s, now() + make_interval(secs => %s)
FROM json_to_recordset(%s::json) AS x(id uuid, workspace_id uuid,
    occurred_at timestamptz, external_id text, api_key_id uuid, deployment_key text,
    operation text, provider_key text, model text, project_id text,
    matched_budget_ids uuid[], held_usd numeric, held_tokens bigint)
"""

DELETE_HOLDS = "DELETE FROM hold WHERE id = ANY(%s)"

_EVENT_COLUMNS = """workspace_id, occurred_at, id, settled_at, external_id, api_key_id,
    deployment_key, operation, provider_key, model, input_tokens, cached_tokens,
    output_tokens, reasoning_tokens, is_estimated, cost_usd, price_source, status,
    http_status, error_code, latency_ms, ttft_ms, source, idempotency_key, metadata,
    project_id, matched_budget_ids"""

INSERT_EVENTS = f"""
INSERT INTO usage_event ({_EVENT_COLUMNS})
SELECT {_EVENT_COLUMNS}
FROM json_to_recordset(%s::json) AS x(workspace_id uuid, occurred_at timestamptz,
    id uuid, settled_at timestamptz, external_id text, api_key_id uuid,
    deployment_key text, operation text, provider_key text, model text,
    input_tokens bigint, cached_tokens bigint, output_tokens bigint,
    reasoning_tokens bigint, is_estimated boolean, cost_usd numeric, price_source text,
    status text, http_status smallint, error_code text, latency_ms integer,
    ttft_ms integer, source text, idempotency_key text, metadata jsonb,
    project_id text, matched_budget_ids uuid[])
"""  # noqa: S608

# A call whose process was taken for dead and came back: its true outcome replaces
# the provisional `lost`; no other event ever changes.
DELETE_LOST_EVENTS = """
DELETE FROM usage_event e
USING unnest(%s::uuid[], %s::timestamptz[], %s::uuid[])
      AS k(workspace_id, occurred_at, id)
WHERE e.workspace_id = k.workspace_id AND e.occurred_at = k.occurred_at
  AND e.id = k.id AND e.status = 'lost'
"""

ADD_TO_WINDOWS = """
UPDATE budget_window w SET
    settled_usd = w.settled_usd + d.settled_usd,
    settled_tokens = w.settled_tokens + d.settled_tokens,
    settled_requests = w.settled_requests + d.settled_requests,
    held_usd = w.held_usd + d.held_usd,
    held_tokens = w.held_tokens + d.held_tokens,
    held_requests = w.held_requests + d.held_requests
FROM json_to_recordset(%s::json) AS d(budget_id uuid, starts_at timestamptz,
    ends_at timestamptz, settled_usd numeric, settled_tokens bigint,
    settled_requests bigint, held_usd numeric, held_tokens bigint,
    held_requests bigint)
WHERE w.budget_id = d.budget_id AND w.starts_at = d.starts_at
  AND w.ends_at = d.ends_at
"""

ADD_TO_DAYS = """
INSERT INTO usage_daily AS u (workspace_id, external_id, day, provider_key, model,
    requests, errors, unpriced, input_tokens, cached_tokens, output_tokens,
    reasoning_tokens, cost_usd, latency_ms)
SELECT * FROM json_to_recordset(%s::json) AS x(workspace_id uuid, external_id text,
    day date, provider_key text, model text, requests bigint, errors bigint,
    unpriced bigint, input_tokens bigint, cached_tokens bigint, output_tokens bigint,
    reasoning_tokens bigint, cost_usd numeric, latency_ms bigint)
ON CONFLICT (workspace_id, external_id, day, provider_key, model) DO UPDATE SET
    requests = u.requests + excluded.requests,
    errors = u.errors + excluded.errors,
    unpriced = u.unpriced + excluded.unpriced,
    input_tokens = u.input_tokens + excluded.input_tokens,
    cached_tokens = u.cached_tokens + excluded.cached_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    reasoning_tokens = u.reasoning_tokens + excluded.reasoning_tokens,
    cost_usd = u.cost_usd + excluded.cost_usd,
    latency_ms = u.latency_ms + excluded.latency_ms
"""

# A `lost` event counted as one failed request of unknown cost. Comes after
# ADD_TO_DAYS, which has made and locked the rows: the insert of a negative number
# would fail its check before PostgreSQL looks for the row to add it to.
TAKE_FOUND_FROM_DAYS = """
UPDATE usage_daily u SET errors = u.errors - d.found, unpriced = u.unpriced - d.found
FROM json_to_recordset(%s::json) AS d(workspace_id uuid, external_id text, day date,
    provider_key text, model text, found bigint)
WHERE u.workspace_id = d.workspace_id AND u.external_id = d.external_id
  AND u.day = d.day AND u.provider_key = d.provider_key AND u.model = d.model
"""

ADD_REFUSALS = """
INSERT INTO budget_refusal AS r (budget_id, day, code, refusals, last_at)
SELECT * FROM json_to_recordset(%s::json)
    AS x(budget_id uuid, day date, code text, refusals bigint, last_at timestamptz)
ON CONFLICT (budget_id, day, code) DO UPDATE SET
    refusals = r.refusals + excluded.refusals,
    last_at = greatest(r.last_at, excluded.last_at)
"""

MARK_WAITED_FOR = """
UPDATE budget_window SET waited_until = now() + interval '2 seconds'
WHERE budget_id = ANY(%s) AND starts_at <= %s AND ends_at > %s
"""

NOTIFY_FREED = f"SELECT pg_notify('{FREED_CHANNEL}', %s)"

CREATE_WINDOWS = """
INSERT INTO budget_window (budget_id, starts_at, ends_at, settled_usd, settled_tokens,
    settled_requests, held_usd, held_tokens, held_requests)
SELECT budget_id, starts_at, ends_at, 0, 0, 0, 0, 0, 0
FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[])
     AS k(budget_id, starts_at, ends_at)
ORDER BY budget_id, starts_at, ends_at
ON CONFLICT (budget_id, starts_at, ends_at) DO NOTHING
RETURNING budget_id, starts_at, ends_at
"""

_OF_SCOPE = {
    "workspace": "",
    "identity": "AND x.external_id = k.scope_target",
    "project": "AND x.project_id = k.scope_target",
    "api_key": "AND x.api_key_id = k.scope_target::uuid",
    "provider": "AND x.provider_key = k.scope_target",
    "model": """AND x.provider_key = split_part(k.scope_target, '/', 1)
        AND x.provider_key || '/' || x.model = k.scope_target""",
    "match": "AND x.matched_budget_ids @> ARRAY[k.budget_id]",
}
"""Scope kind -> which rows of usage_event, hold (and usage_daily) it counts."""

_IN_DAYS = frozenset({"workspace", "identity", "provider", "model"})
"""Scope kinds that usage_daily can answer for whole days."""


@dataclass(frozen=True, slots=True)
class WindowScope:
    """One window of one budget, as the sum over the ledger needs it."""

    budget_id: UUID
    workspace_id: UUID
    scope_kind: str
    scope_target: str
    window: Window


def sum_windows_sql(scope_kind: str) -> str:
    """Return the definition of a window's numbers, from events, days and holds.

    Whole UTC days come from usage_daily, the parts before and after from
    usage_event; all three are written in one transaction, so they agree. One row
    per window: budget_id, starts_at, ends_at, then settled_usd, settled_tokens,
    settled_requests, held_usd, held_tokens, held_requests. Parameters:
    `sum_windows_params` of windows of this scope kind.
    """
    of_scope = _OF_SCOPE[scope_kind]
    of_scope_in_days = of_scope if scope_kind in _IN_DAYS else "AND false"
    return f"""
SELECT k.budget_id, k.starts_at, k.ends_at,
    days.usd + edges.usd, (days.tokens + edges.tokens)::bigint,
    (days.requests + edges.requests)::bigint,
    holds.usd, holds.tokens::bigint, holds.requests::bigint
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[], %s::timestamptz[],
            %s::date[], %s::date[], %s::timestamptz[], %s::timestamptz[])
     AS k(budget_id, workspace_id, scope_target, starts_at, ends_at, first_day,
          day_after, head_ends_at, tail_starts_at)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(x.cost_usd), 0) AS usd,
        coalesce(sum(x.input_tokens + x.output_tokens), 0) AS tokens,
        coalesce(sum(x.requests), 0) AS requests
    FROM usage_daily x
    WHERE x.workspace_id = k.workspace_id AND x.day >= k.first_day
      AND x.day < k.day_after {of_scope_in_days}
) days
CROSS JOIN LATERAL (
    SELECT coalesce(sum(cost_usd), 0) AS usd,
        coalesce(sum(tokens), 0) AS tokens, count(*) AS requests
    FROM (
        SELECT x.cost_usd, x.input_tokens + x.output_tokens AS tokens
        FROM usage_event x
        WHERE x.workspace_id = k.workspace_id {of_scope}
          AND x.occurred_at >= k.starts_at AND x.occurred_at < k.head_ends_at
        UNION ALL
        SELECT x.cost_usd, x.input_tokens + x.output_tokens
        FROM usage_event x
        WHERE x.workspace_id = k.workspace_id {of_scope}
          AND x.occurred_at >= k.tail_starts_at AND x.occurred_at < k.ends_at
    ) x
) edges
CROSS JOIN LATERAL (
    SELECT coalesce(sum(x.held_usd), 0) AS usd,
        coalesce(sum(x.held_tokens), 0) AS tokens, count(*) AS requests
    FROM hold x
    WHERE x.workspace_id = k.workspace_id {of_scope}
      AND x.occurred_at >= k.starts_at AND x.occurred_at < k.ends_at
) holds
"""  # noqa: S608


class Scope(Protocol):
    """What has a scope kind and a target."""

    @property
    def scope_kind(self) -> str:
        """Return the kind."""

    @property
    def scope_target(self) -> str:
        """Return the target as the API shows it."""


def read_recent_sql(scope_kind: str) -> str:
    """Return the arrivals of the last minute's calls, newest first, by budget.

    One row a budget: its id and an array of at most as many instants as its limit.
    Parameters: arrays of budget id, workspace id, target, earliest instant
    (exclusive), limit.
    """
    of_scope = _OF_SCOPE[scope_kind]
    return f"""
SELECT k.budget_id, array(
    SELECT occurred_at FROM (
        SELECT x.occurred_at FROM usage_event x
        WHERE x.workspace_id = k.workspace_id AND x.occurred_at > k.since {of_scope}
        UNION ALL
        SELECT x.occurred_at FROM hold x
        WHERE x.workspace_id = k.workspace_id AND x.occurred_at > k.since {of_scope}
    ) x ORDER BY occurred_at DESC LIMIT k.most
)
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[], %s::integer[])
     AS k(budget_id, workspace_id, scope_target, since, most)
"""  # noqa: S608


def sum_windows_params(scopes: Iterable[WindowScope]) -> list[list[Any]]:
    """Return the arrays for `sum_windows_sql`, cutting windows at UTC midnights."""
    rows = [
        (
            scope.budget_id,
            scope.workspace_id,
            sql_target(scope),
            *scope.window,
            *_cut(scope),
        )
        for scope in scopes
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def sql_target(scope: Scope) -> str:
    """Return the target as the columns hold it: a key's ULID is a uuid there."""
    if scope.scope_kind != "api_key":
        return scope.scope_target
    return str(ids.parse(scope.scope_target))


def _cut(scope: WindowScope) -> tuple[date, date, datetime, datetime]:
    """Return first whole day, the day after the last, end of head, start of tail.

    Where days cannot answer, the head is the whole window.
    """
    if scope.scope_kind in _IN_DAYS:
        return _cut_at_days(scope.window)
    starts_at, ends_at = scope.window
    return starts_at.date(), starts_at.date(), ends_at, ends_at


def _cut_at_days(window: Window) -> tuple[date, date, datetime, datetime]:
    first = window.starts_at.astimezone(UTC)
    first_day = first.date()
    if first.time() != time():
        first_day += timedelta(days=1)
    day_after = window.ends_at.astimezone(UTC).date()
    head_ends_at = min(_midnight(first_day), window.ends_at)
    return first_day, day_after, head_ends_at, _midnight(max(day_after, first_day))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
