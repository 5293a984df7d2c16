"""Budgets for clients 3.12 to 4.0, which knew a type, a period and an amount.

The same budgets at the same addresses; what such a client could not say (other scopes,
one-time periods, tokens alone) it is not shown. Source: contract 7.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from identities.resource import WorkspaceView
from identities.rights import Resource
from metering.budget_input import read_budget_changes, read_new_budget
from metering.errors import BudgetNotFound
from metering.models import Budget
from metering.selectors import BudgetUsage, budget_usage, list_budgets
from metering.services import create_budget, delete_budget, update_budget
from metering.wire_names import PERIOD_NAMES
from orqstudio.lib import ids
from orqstudio.lib.money import ZERO_USD, json_number
from orqstudio.web.api import InvalidInput, format_timestamp
from orqstudio.web.pagination import Order, fetch_page, read_page
from orqstudio.web.query import read_bool, read_choice, read_text

TYPES = {"identity": "contact", "workspace": "workspace", "api_key": "api_key"}
KINDS = {name: kind for kind, name in TYPES.items()}
PERIODS = {
    name: PERIOD_NAMES[name] for name in ("daily", "weekly", "monthly", "yearly")
}
LIMIT_DEFAULT, LIMIT_MOST = 10, 200


class BudgetV1View(WorkspaceView):
    """What both addresses share."""

    resource = Resource.BUDGETS

    def budgets(self) -> QuerySet[Budget]:
        """Return the budgets that v1 has words for."""
        return list_budgets(self.workspace).filter(
            scope_kind__in=TYPES, period__in=PERIODS, amount_usd__isnull=False
        )

    def find(self, budget_id: str) -> Budget | None:
        """Return the budget of an id, None without one."""
        own_id = ids.parse(budget_id)
        return self.budgets().filter(pk=own_id).first() if own_id else None

    def records(self, *budgets: Budget) -> list[dict[str, Any]]:
        """Return the flat records; their usage costs the same however many."""
        usage = budget_usage(budgets, now=self.now)
        return [_record(each, usage[each.pk]) for each in budgets]


class BudgetListV1(BudgetV1View):
    """`/v2/budgets`."""

    def get(self, request: Request) -> Response:
        """List budgets, newest first."""
        query, rows = request.query_params, self.budgets()
        if kind := read_choice(query, "type", KINDS):
            rows = rows.filter(scope_kind=kind)
        if target := read_text(query, "entity_id"):
            rows = rows.filter(scope_target=target)
        if (is_active := read_bool(query, "is_active")) is not None:
            rows = rows.filter(is_active=is_active)
        asked = read_page(query, default=LIMIT_DEFAULT, most=LIMIT_MOST)
        page = fetch_page(rows, asked, Order("id"), self.find)
        records = self.records(*page.rows)
        return Response({"object": "list", "data": records, "has_more": page.has_more})

    def post(self, request: Request) -> Response:
        """Create a budget."""
        body = self.read_body()
        terms = {"scope": _scope(body), "limits": _limits(body)}
        if "is_active" in body:
            terms["is_active"] = body["is_active"]
        facts = read_new_budget(terms)
        budget = create_budget(workspace=self.workspace, now=self.now, **facts)
        return Response(self.records(budget)[0])


class BudgetDetailV1(BudgetV1View):
    """`/v2/budgets/{_id}`."""

    def get(self, request: Request, budget_id: str) -> Response:
        """Return one budget."""
        return Response(self.records(self.budget(budget_id))[0])

    def patch(self, request: Request, budget_id: str) -> Response:
        """Change what the body names; what is spent stays counted."""
        budget, body = self.budget(budget_id), self.read_body()
        if "budget" in body:
            body["limits"] = _limits(body.pop("budget"))
        changes = read_budget_changes(budget, body)
        budget = update_budget(budget=budget, changes=changes, now=self.now)
        return Response(self.records(budget)[0])

    def delete(self, request: Request, budget_id: str) -> Response:
        """Delete the budget."""
        delete_budget(budget=self.budget(budget_id))
        return Response(status=HTTPStatus.NO_CONTENT)

    def budget(self, budget_id: str) -> Budget:
        """Return the budget of the address.

        Raises:
            BudgetNotFound: the workspace has none of this id, or v1 no words for it.
        """
        if (budget := self.find(budget_id)) is None:
            raise BudgetNotFound
        return budget


def _scope(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("type") == "workspace":
        return {"workspace": {}}
    if body.get("type") == "contact":
        return {"identity": {"identity_external_id": body.get("entity_id")}}
    raise InvalidInput(_("type must be contact or workspace."))


def _limits(terms: Any) -> dict[str, Any]:
    """Return period and amount, those that are there, in the words of v2."""
    if not isinstance(terms, dict):
        raise InvalidInput(_("budget must be an object."))
    limits = {name: terms[name] for name in ("period", "amount") if name in terms}
    if "period" in limits:
        if str(limits["period"]) not in PERIODS:
            raise InvalidInput(_("period must be daily, weekly, monthly or yearly."))
        limits["period"] = PERIODS[limits["period"]]
    return limits


def _record(budget: Budget, usage: BudgetUsage) -> dict[str, Any]:
    """Return the record; the period ends on the day on which the next one begins."""
    amount_usd = budget.amount_usd or ZERO_USD
    zone = ZoneInfo(budget.time_zone)
    record = {
        "_id": budget.public_id,
        "workspace_id": ids.show(budget.workspace_id),
        "type": TYPES[budget.scope_kind],
        "budget": {"period": budget.period, "amount": json_number(amount_usd)},
        "is_active": budget.is_active,
        "consumption": {
            "current_amount": json_number(usage.settled_usd),
            "remaining_amount": json_number(
                max(amount_usd - usage.settled_usd, ZERO_USD)
            ),
            "period_start": _local_date(usage.window.starts_at, zone),
            "period_end": _local_date(usage.window.ends_at, zone),
        },
        "created": format_timestamp(budget.created_at),
        "updated": format_timestamp(budget.updated_at),
    }
    is_contact = budget.scope_kind == Budget.ScopeKind.IDENTITY
    return record | ({"contact_id": budget.scope_target} if is_contact else {})


def _local_date(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).date().isoformat()
