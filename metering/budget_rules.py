"""What makes a budget one: a limit, a target calls can have, a usable expression.

Asked by the services before they write; the API, the Studio and the admin hear the
same refusals.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from identities.selectors import get_api_key
from metering.errors import (
    AlertUnknown,
    AlertWithoutLimit,
    BudgetExpiresInPast,
    BudgetTargetInvalid,
    BudgetWithoutLimit,
    ExpressionFixed,
    ExpressionRefused,
    PrivateModelUnsupported,
    TooManyExpressions,
)
from metering.matching import ExpressionInvalidError, check_expression
from metering.models import Budget
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

EXPRESSIONS_MOST = 50
"""Budgets with an expression in a workspace; each call is matched against them all."""
RATE_MAX = 1_000_000
"""Requests a minute; more than one installation answers."""

_LIMITS = frozenset({"amount_usd", "token_limit", "requests_per_minute"})
_PROVIDER = re.compile(r"[-a-zA-Z0-9_]{1,60}")


def require_sense(budget: Budget, changed: Collection[str], now: datetime) -> None:
    """Refuse what the changed fields (all, of a new budget) would make of a budget.

    Rules of fields that did not change are not asked: an old budget whose key is gone
    can still be switched off. The id of an API key is brought into the form in
    which calls carry it.

    Raises:
        BudgetTargetInvalid, PrivateModelUnsupported: no call could have the target.
        ExpressionRefused: it cannot be used.
        ExpressionFixed: the budget has a scope.
        BudgetWithoutLimit: no limit would be left.
        BudgetExpiresInPast: it would be active and ended.
        AlertWithoutLimit: an alert's limit would not be there.
    """
    if "scope_target" in changed:
        _require_target(budget)
    if "match_cel" in changed:
        _require_expression(budget)
    if _LIMITS & set(changed):
        _require_limit(budget)
    if {"is_active", "expires_at"} & set(changed):
        _require_future(budget, now)
    if {"alerts", "amount_usd"} & set(changed):
        _require_limits_of_alerts(budget)


def require_room(budget: Budget) -> None:
    """Refuse one expression too many; call it under the workspace's lock.

    Raises:
        TooManyExpressions: the workspace has as many as it may.
    """
    if budget.scope_kind != Budget.ScopeKind.MATCH:
        return
    expressions = Budget.objects.filter(
        workspace=budget.workspace_id, scope_kind=Budget.ScopeKind.MATCH
    )
    if expressions.count() >= EXPRESSIONS_MOST:
        raise TooManyExpressions(EXPRESSIONS_MOST)


def number_alerts(
    alerts: Iterable[Mapping[str, Any]], *, known: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the alerts with an id each: their own where they name it, else a new one.

    Raises:
        AlertUnknown: one names an id that is not among the known, or no longer.
    """
    left = {alert["id"] for alert in known}
    numbered = []
    for alert in alerts:
        alert_id = alert.get("id")
        if alert_id and alert_id not in left:
            raise AlertUnknown(alert_id)
        alert_id = alert_id or ids.show(ids.new_id())
        left.discard(alert_id)
        numbered.append({**alert, "id": alert_id})
    return numbered


def _require_target(budget: Budget) -> None:
    kind, target = budget.scope_kind, budget.scope_target
    if kind == Budget.ScopeKind.API_KEY:
        key = get_api_key(budget.workspace, target)
        if key is None or key.deleted_at is not None:
            raise BudgetTargetInvalid(kind, target)
        budget.scope_target = key.public_id
    elif kind == Budget.ScopeKind.PROVIDER and not _PROVIDER.fullmatch(target):
        raise BudgetTargetInvalid(kind, target)
    elif kind == Budget.ScopeKind.MODEL:
        _require_model(target)


def _require_model(target: str) -> None:
    provider, _, model = target.partition("/")
    if "@" in provider:
        raise PrivateModelUnsupported
    if not model or not _PROVIDER.fullmatch(provider):
        raise BudgetTargetInvalid(Budget.ScopeKind.MODEL, target)


def _require_expression(budget: Budget) -> None:
    if budget.scope_kind != Budget.ScopeKind.MATCH:
        if budget.match_cel:
            raise ExpressionFixed
        return
    try:
        check_expression(budget.match_cel)
    except ExpressionInvalidError as error:
        raise ExpressionRefused(str(error)) from None


def _require_limit(budget: Budget) -> None:
    if all(getattr(budget, name) is None for name in _LIMITS):
        raise BudgetWithoutLimit


def _require_future(budget: Budget, now: datetime) -> None:
    if budget.is_active and budget.expires_at and budget.expires_at <= now:
        raise BudgetExpiresInPast(budget.expires_at)


def _require_limits_of_alerts(budget: Budget) -> None:
    """Refuse alerts without an amount; alerts on tokens do not exist."""
    if budget.alerts and budget.amount_usd is None:
        raise AlertWithoutLimit
