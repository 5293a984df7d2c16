"""Between the ledger's objects and the parameters of its SQL. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from metering.calls import Call, Outcome
from metering.ledger.requests import Request
from metering.ledger_sql import lock_key

AccountKey = tuple[UUID, datetime, datetime]
"""Budget, start and end of a window."""
ScopeKey = tuple[UUID, str, str]
"""Workspace, scope kind and scope target of a budget."""


def scopes_of(call: Call) -> tuple[ScopeKey, ...]:
    """Return the (workspace, kind, target) under which budgets match the call."""
    workspace = (call.workspace_id, "workspace", "")
    if not call.external_id:
        return (workspace,)
    return workspace, (call.workspace_id, "identity", call.external_id)


def workspace_keys(requests: Sequence[Request]) -> list[int]:
    """Return the advisory lock keys of the requests, in lock order."""
    return sorted({lock_key(request.call.workspace_id) for request in requests})


def scope_spans(requests: Sequence[Request]) -> list[list[Any]]:
    """Return each scope once, with the earliest and latest moment asked for."""
    spans: dict[ScopeKey, tuple[datetime, datetime]] = {}
    for request in requests:
        at = request.call.occurred_at
        for scope in scopes_of(request.call):
            earliest, latest = spans.get(scope, (at, at))
            spans[scope] = (min(earliest, at), max(latest, at))
    rows = [(*scope, *span) for scope, span in spans.items()]
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
