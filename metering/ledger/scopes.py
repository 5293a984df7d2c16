"""Which budgets count a call, and in which of their windows. Pure.

A budget with a scope counts the calls of its workspace, project, identity, API key,
provider or model. One with an expression counts the calls it held for when they were
admitted; the call remembers those, since headers are not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from metering.calls import Call
from metering.ledger.requests import Admit, Request
from metering.matching import Facts, matches, visible_headers
from metering.periods import BudgetPeriod, Window, effective_window
from orqstudio.lib import ids

ScopeKey = tuple[UUID, str, str]
"""Workspace, scope kind and scope target of a budget."""
MATCH = "match"
BUDGET_WIDTH = 16
"""Columns of a budget at the head of a row; see `ledger_sql._BUDGET_COLUMNS`."""


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A budget as the batch has read it."""

    id: UUID
    workspace_id: UUID
    scope_kind: str
    scope_target: str
    period: str
    time_zone: str
    week_starts_on: int
    amount_usd: Decimal | None
    token_limit: int | None
    mode: str
    is_active: bool
    expires_at: datetime | None
    reset_at: datetime | None
    created_at: datetime
    requests_per_minute: int | None
    match_cel: str

    def window_at(self, at: datetime) -> Window | None:
        """Return the window that counts a call of this arrival, if one does."""
        spec = BudgetPeriod(
            period=self.period,
            anchor=self.created_at,
            reset_at=self.reset_at,
            time_zone=self.time_zone,
            week_starts_on=self.week_starts_on,
        )
        return effective_window(spec, at)

    def decides_at(self, now: datetime) -> bool:
        """Tell whether it can refuse calls now."""
        return self.is_active and (self.expires_at is None or self.expires_at > now)


class BudgetBook:
    """The budgets a batch may touch, found by scope or by expression."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        """Take rows that begin with the budget's columns; repeats are one budget."""
        budgets = [BudgetRow(*row[:BUDGET_WIDTH]) for row in rows]
        self.by_id = {budget.id: budget for budget in budgets}
        self._by_scope = {
            (budget.workspace_id, budget.scope_kind, budget.scope_target): budget
            for budget in budgets
            if budget.scope_kind != MATCH
        }
        self._expressions = [b for b in self.by_id.values() if b.scope_kind == MATCH]

    def identify(self, request: Request) -> Call:
        """Return the call with the expressions that hold for it.

        Decided once, at admission; a call that ends brings its answer along.
        """
        call = request.call
        if not isinstance(request, Admit) or not self._expressions:
            return call
        variables = variables_of(call, request.facts)
        held = tuple(
            budget.id
            for budget in self._expressions
            if budget.workspace_id == call.workspace_id
            and matches(budget.match_cel, variables)
        )
        return replace(call, matched_budget_ids=held)

    def identify_widely(self, request: Request) -> Call:
        """Return the call with every expression that may count it.

        Which ones an ending call counts in, its hold knows; a window too many does
        no harm.
        """
        if isinstance(request, Admit):
            return self.identify(request)
        every = tuple(budget.id for budget in self._expressions)
        return replace(request.call, matched_budget_ids=every)

    def windows_of(self, call: Call) -> Iterator[tuple[BudgetRow, Window]]:
        """Yield every budget that counts the call, with the window it counts in."""
        named = (self._by_scope.get(scope) for scope in scopes_of(call))
        matched = (self.by_id.get(id_) for id_ in call.matched_budget_ids)
        for budget in (*named, *matched):
            window = budget.window_at(call.occurred_at) if budget else None
            if budget and window:
                yield budget, window


def scopes_of(call: Call) -> list[ScopeKey]:
    """Return the (workspace, kind, target) under which budgets count the call."""
    workspace_id = call.workspace_id
    scopes = [
        (workspace_id, "workspace", ""),
        (workspace_id, "provider", call.provider_key),
        (workspace_id, "model", f"{call.provider_key}/{call.model}"),
    ]
    if call.external_id:
        scopes.append((workspace_id, "identity", call.external_id))
    if call.api_key_id:
        scopes.append((workspace_id, "api_key", _show(call.api_key_id)))
    if call.project_id:
        scopes.append((workspace_id, "project", call.project_id))
    return scopes


@lru_cache(maxsize=4096)
def _show(key_id: UUID) -> str:
    """Return a key's ULID; the same few keys make all calls."""
    return ids.show(key_id)


def variables_of(call: Call, facts: Facts) -> dict[str, Any]:
    """Return what expressions can name (contract 6.5).

    `model` and `model_id` are provider/model, as budgets of a model write it.
    """
    model = f"{call.provider_key}/{call.model}"
    return {
        "model": model,
        "model_id": model,
        "provider": call.provider_key,
        "api_key": _show(call.api_key_id) if call.api_key_id else "",
        "identity": call.external_id,
        "project": call.project_id,
        "metadata": dict(facts.metadata),
        "headers": visible_headers(facts.headers),
    }
