"""Between the ledger's objects and the parameters of its SQL. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from metering.admission import MINUTE
from metering.calls import Call, Outcome
from metering.ledger.requests import Request
from metering.ledger.scopes import BudgetRow, scopes_of
from metering.ledger_sql import lock_keys, sql_target

AccountKey = tuple[UUID, datetime, datetime]
"""Budget, start and end of a window."""


def workspace_keys(requests: Sequence[Request]) -> list[int]:
    """Return the advisory lock keys of the requests, in lock order."""
    return lock_keys(request.call.workspace_id for request in requests)


def scope_spans(requests: Sequence[Request]) -> list[list[Any]]:
    """Return each scope once, with the earliest and latest moment asked for.

    Eight arrays: five of the scopes, three of the workspaces, whose expressions are
    all wanted.
    """
    scopes = _spans(
        (scope, request.call.occurred_at)
        for request in requests
        for scope in scopes_of(request.call)
    )
    workspaces = _spans(
        ((request.call.workspace_id,), request.call.occurred_at) for request in requests
    )
    return [*scopes, *workspaces]


def _spans(moments: Iterable[tuple[tuple[Any, ...], datetime]]) -> list[list[Any]]:
    """Return columns: the parts of each key, its earliest and its latest moment."""
    spans: dict[tuple[Any, ...], tuple[datetime, datetime]] = {}
    for key, at in moments:
        earliest, latest = spans.get(key, (at, at))
        spans[key] = (min(earliest, at), max(latest, at))
    rows = [(*key, *span) for key, span in spans.items()]
    return [list(column) for column in zip(*rows, strict=True)]


def recent_params(
    budgets: Sequence[BudgetRow], earliest: datetime, *, most_more: int
) -> list[list[Any]]:
    """Return the arrays for `ledger_sql.read_recent_sql`.

    A manual reset clears the count too. Calls of a batch may be older than some that
    are counted already, so `most_more` instants are read beyond the limit.
    """
    rows = []
    for budget in budgets:
        since = max(earliest - MINUTE, budget.reset_at or earliest - MINUTE)
        most = (budget.requests_per_minute or 0) + most_more
        place = (budget.id, budget.workspace_id, sql_target(budget))
        rows.append((*place, since, most))
    return [list(column) for column in zip(*rows, strict=True)]


def call_row(call: Call) -> dict[str, Any]:
    """Return the columns that holds and events share."""
    return {name: getattr(call, name) for name in Call.__slots__}


def event_row(call: Call, outcome: Outcome) -> dict[str, Any]:
    """Return the columns of a usage event."""
    row = call_row(call)
    row.update(
        settled_at=outcome.settled_at,
        input_tokens=outcome.tokens.input,
        cached_tokens=outcome.tokens.cached,
        output_tokens=outcome.tokens.output,
        reasoning_tokens=outcome.tokens.reasoning,
        is_estimated=outcome.is_estimated,
        cost_usd=outcome.cost_usd,
        price_source=outcome.price_source,
        status=outcome.status,
        http_status=outcome.http_status,
        error_code=outcome.error_code,
        latency_ms=outcome.latency_ms,
        ttft_ms=outcome.ttft_ms,
        source="gateway",
        metadata=outcome.metadata,
    )
    return row


def event_keys(calls: Sequence[Call]) -> list[list[Any]]:
    """Return the arrays of the events' primary keys."""
    return [
        [call.workspace_id for call in calls],
        [call.occurred_at for call in calls],
        [call.id for call in calls],
    ]


def to_json(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows for json_to_recordset: one parameter whatever the batch's size."""
    return json.dumps(rows, default=str)
