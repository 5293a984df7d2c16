"""Reads of budgets and of what identities used; scoped to one workspace, no writes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q, QuerySet

from identities.models import Identity
from identities.selectors import list_api_keys
from metering.errors import BudgetNotFound
from metering.ledger_sql import WindowScope, sum_windows_params, sum_windows_sql
from metering.models import Budget, BudgetRefusal, BudgetWindow, Provider
from metering.periods import BudgetPeriod, Window, calendar_window
from orqstudio.lib import ids
from orqstudio.lib.money import ZERO_USD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from uuid import UUID

    from identities.models import Workspace

Sums = tuple[Decimal, int, int, Decimal, int]

METRICS_SPAN = timedelta(days=30)
"""What the API means by an identity's metrics: the last 30 times 24 hours."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What an identity used; refused calls count nowhere.

    Attributes:
        total_requests: all calls, failed ones included.
        failed_requests: failed or lost.
        unpriced_requests: those whose cost is not known, so in no sum of cost.
    """

    total_cost_usd: Decimal = ZERO_USD
    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_requests: int = 0
    failed_requests: int = 0
    unpriced_requests: int = 0

    @property
    def error_ratio(self) -> float:
        """Failed calls among all, 0 to 1; 0 when there were none."""
        if not self.total_requests:
            return 0.0
        return self.failed_requests / self.total_requests


@dataclass(frozen=True, slots=True)
class BudgetUsage:
    """What a budget's open window has settled and holds.

    Attributes:
        held_usd: set aside for calls under way.
        refusals: refused calls since the UTC day on which the window began.
    """

    window: Window
    settled_usd: Decimal = ZERO_USD
    settled_tokens: int = 0
    settled_requests: int = 0
    held_usd: Decimal = ZERO_USD
    held_tokens: int = 0
    refusals: int = 0


def get_budget(workspace: Workspace, budget_id: str) -> Budget:
    """Return the budget behind 26 characters.

    One query.

    Raises:
        BudgetNotFound: the workspace has none of this id.
    """
    own_id = ids.parse(budget_id)
    found = own_id and list_budgets(workspace).filter(pk=own_id).first()
    if not found:
        raise BudgetNotFound
    return found


def list_budgets(workspace: Workspace) -> QuerySet[Budget]:
    """Return all budgets of a workspace, the last changed first."""
    return Budget.objects.filter(workspace=workspace).order_by("-updated_at", "-id")


def list_providers(workspace: Workspace) -> QuerySet[Provider]:
    """Return all providers of a workspace, by key."""
    return Provider.objects.filter(workspace=workspace).order_by("key")


def budget_of(workspace: Workspace, scope_kind: str, target: str) -> Budget | None:
    """Return the budget of a scope, or None. One query."""
    return (
        list_budgets(workspace)
        .filter(scope_kind=scope_kind, scope_target=target)
        .first()
    )


def search_budgets(workspace: Workspace, text: str) -> QuerySet[Budget]:
    """Return budgets whose target's id or name contains the text, any case.

    Of a budget without a scope, its expression. An empty text matches every budget. One
    query beside the returned one's own, for the names of API keys.
    """
    if not text:
        return list_budgets(workspace)
    named = Identity.objects.in_workspace(workspace).filter(
        display_name__icontains=text
    )
    kinds = Budget.ScopeKind
    matches = (
        Q(scope_target__icontains=text)
        | Q(scope_kind=kinds.MATCH, match_cel__icontains=text)
        | Q(
            scope_kind=kinds.IDENTITY,
            scope_target__in=named.values("external_id"),
        )
        | Q(scope_kind=kinds.API_KEY, scope_target__in=_keys_named(workspace, text))
    )
    if text.casefold() in f"{workspace.name}\n{workspace.public_id}".casefold():
        matches |= Q(scope_kind=kinds.WORKSPACE)
    return list_budgets(workspace).filter(matches)


def _keys_named(workspace: Workspace, text: str) -> list[str]:
    """Return the ids of API keys whose name contains the text, as scopes hold them."""
    keys = list_api_keys(workspace).filter(name__icontains=text)
    return [ids.show(key_id) for key_id in keys.values_list("pk", flat=True)]


def budgets_of(
    workspace: Workspace,
    targets: Collection[str],
    *,
    scope_kind: str = Budget.ScopeKind.IDENTITY,
) -> dict[str, Budget]:
    """Return target -> budget for those that have one. One query.

    Targets are external_ids unless another kind of scope is named.
    """
    found = Budget.objects.filter(
        workspace=workspace, scope_kind=scope_kind, scope_target__in=targets
    )
    return {budget.scope_target: budget for budget in found}


_METRICS = """
SELECT external_id, sum(cost_usd), sum(input_tokens), sum(output_tokens),
    sum(requests), sum(errors), sum(unpriced)
FROM (
    SELECT external_id, cost_usd, input_tokens, output_tokens, requests, errors,
        unpriced
    FROM usage_daily
    WHERE workspace_id = %(workspace)s AND external_id = ANY(%(external_ids)s)
      AND day >= %(first_day)s AND day <= %(last_day)s
    UNION ALL
    SELECT external_id, coalesce(cost_usd, 0), input_tokens, output_tokens, 1,
        (status <> 'ok')::int, (cost_usd IS NULL)::int
    FROM usage_event
    WHERE workspace_id = %(workspace)s AND external_id = ANY(%(external_ids)s)
      AND occurred_at >= %(starts_at)s AND occurred_at < %(days_start_at)s
) used GROUP BY external_id
"""


def metrics_for(
    workspace: Workspace,
    external_ids: Collection[str],
    *,
    now: datetime,
    span: timedelta = METRICS_SPAN,
) -> dict[str, Metrics]:
    """Return what each external_id used in the `span` before `now`.

    Exact to the instant at its beginning: whole UTC days come from usage_daily, the
    part of the oldest day from usage_event. Every external_id has an entry. One
    query, none without external_ids.
    """
    found = dict.fromkeys(external_ids, Metrics())
    if not found:
        return found
    starts_at = (now - span).astimezone(UTC)
    days_start_at = _next_midnight(starts_at)
    params: dict[str, Any] = {
        "workspace": workspace.pk,
        "external_ids": list(found),
        "starts_at": starts_at,
        "days_start_at": days_start_at,
        "first_day": days_start_at.date(),
        "last_day": now.astimezone(UTC).date(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_METRICS, params)
        found |= {row[0]: _metrics_of(row) for row in cursor.fetchall()}
    return found


def _metrics_of(row: tuple[Any, ...]) -> Metrics:
    _, cost_usd, *counts = row
    input_tokens, output_tokens, requests, errors, unpriced = map(int, counts)
    return Metrics(
        total_cost_usd=cost_usd,
        total_tokens=input_tokens + output_tokens,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_requests=requests,
        failed_requests=errors,
        unpriced_requests=unpriced,
    )


def _next_midnight(moment: datetime) -> datetime:
    """Return the first UTC midnight at or after a moment."""
    midnight = datetime.combine(moment.date(), time(), UTC)
    return midnight if midnight == moment else midnight + timedelta(days=1)


def period_of(budget: Budget) -> BudgetPeriod:
    """Return what decides the budget's windows."""
    return BudgetPeriod(
        period=budget.period,
        anchor=budget.created_at,
        reset_at=budget.reset_at,
        time_zone=budget.time_zone,
        week_starts_on=budget.week_starts_on,
    )


def open_window(budget: Budget, now: datetime) -> Window:
    """Return the budget's window at `now`.

    A reset that another process's clock dates after `now` has happened.
    """
    reset_at = budget.reset_at or now
    window = calendar_window(period_of(budget), max(now, reset_at))
    if budget.reset_at is None:
        return window
    return Window(max(window.starts_at, reset_at), window.ends_at)


def budget_usage(
    budgets: Iterable[Budget], *, now: datetime
) -> dict[UUID, BudgetUsage]:
    """Return what the open window of each budget has used, by budget id.

    Read from the window rows; budgets without one are computed by the ledger's own
    definition. At most four queries, whatever the number of budgets.
    """
    scopes = {each.pk: _scope_of(each, now) for each in budgets}
    if not scopes:
        return {}
    found = _cached_sums(scopes, now)
    found |= _computed_sums(each for pk, each in scopes.items() if pk not in found)
    refusals = _refusals_of(scopes)
    return {
        pk: BudgetUsage(scope.window, *found[pk], refusals=refusals[pk])
        for pk, scope in scopes.items()
    }


def _scope_of(budget: Budget, now: datetime) -> WindowScope:
    return WindowScope(
        budget.pk,
        budget.workspace_id,
        budget.scope_kind,
        budget.scope_target,
        open_window(budget, now),
    )


def _cached_sums(scopes: Mapping[UUID, WindowScope], now: datetime) -> dict[UUID, Sums]:
    rows = BudgetWindow.objects.filter(budget__in=scopes, ends_at__gt=now)
    return {
        row.budget_id: (
            row.settled_usd,
            row.settled_tokens,
            row.settled_requests,
            row.held_usd,
            row.held_tokens,
        )
        for row in rows
        if (row.starts_at, row.ends_at) == scopes[row.budget_id].window
    }


def _computed_sums(scopes: Iterable[WindowScope]) -> dict[UUID, Sums]:
    by_kind: dict[str, list[WindowScope]] = defaultdict(list)
    for scope in scopes:
        by_kind[scope.scope_kind].append(scope)
    found: dict[UUID, Sums] = {}
    with connection.cursor() as cursor:
        for kind, group in by_kind.items():
            cursor.execute(sum_windows_sql(kind), sum_windows_params(group))
            found |= {row[0]: tuple(row[3:8]) for row in cursor.fetchall()}
    return found


def _refusals_of(scopes: Mapping[UUID, WindowScope]) -> dict[UUID, int]:
    """Return refusals since each window began; kept by UTC day, so that coarse."""
    counts = dict.fromkeys(scopes, 0)
    earliest = min(scope.window.starts_at for scope in scopes.values())
    rows = BudgetRefusal.objects.filter(budget__in=scopes, day__gte=earliest.date())
    for row in rows:
        if row.day >= scopes[row.budget_id].window.starts_at.date():
            counts[row.budget_id] += row.refusals
    return counts
