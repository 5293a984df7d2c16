"""Budget bodies as they go out: camelCase and snake_case at once, no nulls.

Newer clients read camelCase, those of 4.11 and 4.12 snake_case. Contract 6.4.
What comes in is checked in `metering.budget_input`.
"""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

from metering.models import Budget
from metering.periods import ONE_TIME, calendar_window
from metering.selectors import BudgetUsage, Metrics, period_of
from metering.wire_names import (
    ALERT_DIMENSION_NAMES,
    PERIOD_NAMES,
    WEEKDAY_NAMES,
)
from orqstudio.lib.money import json_number
from orqstudio.web.api import format_timestamp

_LABELS = {
    "daily": "%Y-%m-%d",
    "weekly": "%Y-%m-%d",
    "monthly": "%Y-%m",
    "yearly": "%Y",
}


def budget_body(budget: Budget, usage: BudgetUsage | None = None) -> dict[str, Any]:
    """Return the budget in both cases; `usage` is on reads alone."""
    record: dict[str, Any] = _in_both_cases(_record(budget))
    if usage is not None:
        record["usage"] = {
            "amount": json_number(usage.settled_usd),
            "tokens": usage.settled_tokens,
            "requests": usage.settled_requests,
        }
    return record


def embedded_budget(budget: Budget) -> dict[str, Any]:
    """Return the budget as it stands inside an identity: snake_case alone."""
    return _record(budget)


def consumption_body(budget: Budget, usage: BudgetUsage) -> dict[str, Any]:
    """Return what the open window consumed; its label is the period's local date.

    A one-time budget has no label.
    """
    body = {
        "budget_id": budget.public_id,
        "period": PERIOD_NAMES[budget.period],
        "cost": json_number(usage.settled_usd),
        "tokens": usage.settled_tokens,
        "requests_in_window": usage.settled_requests,
    }
    if budget.period != ONE_TIME:
        body["period_date"] = _label_period(budget, usage)
    return body


def metrics_record(metrics: Metrics) -> dict[str, Any]:
    """Return the four numbers of an identity's last 30 days."""
    return {
        "total_cost": json_number(metrics.total_cost_usd),
        "total_tokens": metrics.total_tokens,
        "total_requests": metrics.total_requests,
        "error_rate": metrics.error_ratio,
    }


def _record(budget: Budget) -> dict[str, Any]:
    record: dict[str, Any] = {
        "budget_id": budget.public_id,
        "match": {"cel": _cel(budget)},
        "limits": _limits(budget),
        "mode": budget.mode,
        "time_zone": budget.time_zone,
        "week_starts_on": WEEKDAY_NAMES[budget.week_starts_on],
        "is_active": budget.is_active,
        "created_at": format_timestamp(budget.created_at),
        "updated_at": format_timestamp(budget.updated_at),
    }
    if budget.scope_kind != Budget.ScopeKind.MATCH:
        record["scope"] = _scope(budget)
    if budget.requests_per_minute is not None:
        record["rate_limit"] = {"requests_per_minute": budget.requests_per_minute}
    if budget.alerts:
        record["alerts"] = [_alert(alert) for alert in budget.alerts]
    if budget.expires_at is not None:
        record["expires_at"] = format_timestamp(budget.expires_at)
    return record


def _alert(alert: dict[str, Any]) -> dict[str, Any]:
    return {**alert, "dimension": ALERT_DIMENSION_NAMES[alert["dimension"]]}


_TARGET_NAMES = {
    "project": "project_id",
    "identity": "identity_external_id",
    "api_key": "api_key_id",
    "provider": "provider",
    "model": "model_id",
}


def _scope(budget: Budget) -> dict[str, Any]:
    if budget.scope_kind == Budget.ScopeKind.WORKSPACE:
        return {"workspace": {}}
    kind = budget.scope_kind
    return {kind: {_TARGET_NAMES[kind]: budget.scope_target}}


def _cel(budget: Budget) -> str:
    """Return its expression, or the one that says what its scope says.

    Empty matches every call.
    """
    if budget.scope_kind == Budget.ScopeKind.WORKSPACE:
        return ""
    if budget.scope_kind == Budget.ScopeKind.MATCH:
        return budget.match_cel
    target = json.dumps(budget.scope_target, ensure_ascii=False)
    return f"{budget.scope_kind} == {target}"


def _limits(budget: Budget) -> dict[str, Any]:
    limits: dict[str, Any] = {"period": PERIOD_NAMES[budget.period]}
    if budget.amount_usd is not None:
        limits["amount"] = json_number(budget.amount_usd)
    if budget.token_limit is not None:
        limits["token_limit"] = budget.token_limit
    return limits


def _in_both_cases(value: Any) -> Any:
    """Return objects with every snake_case key in camelCase beside it."""
    if isinstance(value, list):
        return [_in_both_cases(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    both: dict[str, Any] = {}
    for key, inner in value.items():
        both[camel_case(key)] = both[key] = _in_both_cases(inner)
    return both


def camel_case(name: str) -> str:
    """Return a snake_case name as the newer clients spell it."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _label_period(budget: Budget, usage: BudgetUsage) -> str:
    window = calendar_window(period_of(budget), usage.window.starts_at)
    first = window.starts_at.astimezone(ZoneInfo(budget.time_zone))
    return first.strftime(_LABELS[budget.period])
