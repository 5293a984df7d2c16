"""The v2 resources `budgets` and `reporting`. Source: contract 6 and 10.1.

No trailing slash, no redirect.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from identities.resource import WorkspaceView
from identities.rights import Resource
from metering.budget_input import read_budget_changes, read_new_budget
from metering.filters import narrowed_budgets, read_order, sortable_budgets
from metering.models import Budget
from metering.report_input import read_question
from metering.reporting.answers import report_body, run_report
from metering.selectors import BudgetUsage, budget_usage, get_budget
from metering.serializers import budget_body, consumption_body
from metering.services import (
    create_budget,
    delete_budget,
    reset_budget,
    update_budget,
)
from orqstudio.lib import ids
from orqstudio.web.facts import id_of
from orqstudio.web.pagination import fetch_page, read_page

LIMIT_DEFAULT = 25
LIMIT_MOST = 200


class BudgetView(WorkspaceView):
    """What the addresses of one budget share."""

    resource = Resource.BUDGETS

    def budget(self, budget_id: str) -> Budget:
        """Return the budget of the address.

        Raises:
            BudgetNotFound: the workspace has none of this id.
        """
        return get_budget(self.workspace, budget_id)

    def usage_of(self, budget: Budget) -> BudgetUsage:
        """Return what its open window has used."""
        return budget_usage([budget], now=self.now)[budget.pk]


class BudgetList(WorkspaceView):
    """`/v2/budgets`."""

    resource = Resource.BUDGETS

    def get(self, request: Request) -> Response:
        """List budgets with their usage, the last changed first unless asked."""
        query = request.query_params
        page = fetch_page(
            narrowed_budgets(self.workspace, query),
            read_page(query, default=LIMIT_DEFAULT, most=LIMIT_MOST),
            read_order(query),
            self._find_cursor,
        )
        usage = budget_usage(page.rows, now=self.now)
        return Response(
            {
                "object": "list",
                "data": [budget_body(each, usage[each.pk]) for each in page.rows],
                "hasMore": page.has_more,
                "has_more": page.has_more,
            }
        )

    def post(self, request: Request) -> Response:
        """Create a budget; 200, as the official clients demand."""
        facts = read_new_budget(self.read_body())
        budget = create_budget(workspace=self.workspace, now=self.now, **facts)
        return Response({"budget": budget_body(budget)})

    def _find_cursor(self, budget_id: str) -> Budget | None:
        own_id = ids.parse(budget_id)
        rows = sortable_budgets(self.workspace)
        return rows.filter(pk=own_id).first() if own_id else None


class BudgetDetail(BudgetView):
    """`/v2/budgets/{budget_id}`."""

    def get(self, request: Request, budget_id: str) -> Response:
        """Return one budget with its usage."""
        budget = self.budget(budget_id)
        return Response({"budget": budget_body(budget, self.usage_of(budget))})

    def patch(self, request: Request, budget_id: str) -> Response:
        """Change what the body names; what is spent stays counted."""
        budget = self.budget(budget_id)
        changes = read_budget_changes(budget, self.read_body())
        budget = update_budget(budget=budget, changes=changes, now=self.now)
        return Response({"budget": budget_body(budget)})

    def delete(self, request: Request, budget_id: str) -> Response:
        """Delete the budget; it stops nothing from the next call on."""
        delete_budget(budget=self.budget(budget_id))
        return Response({})


class BudgetReset(BudgetView):
    """`/v2/budgets/{budget_id}/reset-consumption`."""

    def post(self, request: Request, budget_id: str) -> Response:
        """Begin to count at zero again; usage events stay."""
        self.read_body()
        budget = reset_budget(budget=self.budget(budget_id), now=self.now)
        return Response({"budget": budget_body(budget)})


class BudgetConsumption(BudgetView):
    """`/v2/budgets/{budget_id}/consumption`."""

    def get(self, request: Request, budget_id: str) -> Response:
        """Return what the open window has consumed."""
        budget = self.budget(budget_id)
        return Response(consumption_body(budget, self.usage_of(budget)))


class ReportQuery(WorkspaceView):
    """`/v2/reporting`."""

    resource = Resource.REPORTING
    reading_methods = frozenset({"POST"})

    def post(self, request: Request) -> Response:
        """Answer one question about the usage of the workspace."""
        question = read_question(self.workspace.pk, self.read_body())
        report = run_report(question)
        return Response(report_body(question, report, request_id=id_of(request)))
