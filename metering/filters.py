"""The query string of the budget list: what narrows it and sorts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from identities.models import Workspace
from metering.models import Budget
from metering.periods import FOREVER
from metering.selectors import list_budgets, search_budgets
from metering.wire_names import PERIODS, SCOPE_KINDS
from orqstudio.web.pagination import Order
from orqstudio.web.query import read_bool, read_choice, read_choices, read_text

if TYPE_CHECKING:
    from django.http import QueryDict

LAST_CHANGED = Order("updated_at")
_ORDERS = {
    "expires_at": Order("ends_at", is_descending=False),
    "created_at": Order("created_at"),
    "updated_at": LAST_CHANGED,
    "unspecified": LAST_CHANGED,
}
SORT_NAMES = {f"BUDGET_SORT_FIELD_{name.upper()}": name for name in _ORDERS}


def read_order(query: QueryDict) -> Order:
    """Return the order `sort_by` names; the last changed first without it.

    Raises:
        InvalidInput: an unknown name.
    """
    name = read_choice(query, "sort_by", SORT_NAMES)
    return _ORDERS[name] if name else LAST_CHANGED


def sortable_budgets(workspace: Workspace) -> QuerySet[Budget]:
    """Return a workspace's budgets with `ends_at`: those without an end come last."""
    return _sortable(list_budgets(workspace))


def narrowed_budgets(workspace: Workspace, query: QueryDict) -> QuerySet[Budget]:
    """Return those that pass every filter of the query string.

    Raises:
        InvalidInput: an unknown value.
    """
    rows = search_budgets(workspace, read_text(query, "query"))
    if kinds := read_choices(query, "scope_kind", SCOPE_KINDS):
        rows = rows.filter(scope_kind__in=kinds)
    if periods := read_choices(query, "period", PERIODS):
        rows = rows.filter(period__in=periods)
    if (is_active := read_bool(query, "is_active")) is not None:
        rows = rows.filter(is_active=is_active)
    if target := read_text(query, "scope_target_id"):
        rows = rows.filter(_targets(workspace, target))
    return _sortable(rows)


def _targets(workspace: Workspace, target: str) -> Q:
    if target == workspace.public_id:
        return Q(scope_kind=Budget.ScopeKind.WORKSPACE) | Q(scope_target=target)
    return Q(scope_target=target)


def _sortable(rows: QuerySet[Budget]) -> QuerySet[Budget]:
    return rows.annotate(ends_at=Coalesce("expires_at", FOREVER))
