"""Addresses of the resources budgets and reporting, below /v2/."""

from __future__ import annotations

from django.urls import path

from identities.client_generation import speaks_budgets_v1
from identities.resource import by_generation
from metering.api import (
    BudgetConsumption,
    BudgetDetail,
    BudgetList,
    BudgetReset,
    ReportQuery,
)
from metering.budgets_v1 import BudgetDetailV1, BudgetListV1

_list = by_generation(BudgetList, BudgetListV1, speaks_budgets_v1)
_detail = by_generation(BudgetDetail, BudgetDetailV1, speaks_budgets_v1)

urlpatterns = [
    path("budgets", _list),
    path("budgets/<str:budget_id>", _detail),
    path("budgets/<str:budget_id>/reset-consumption", BudgetReset.as_view()),
    path("budgets/<str:budget_id>/consumption", BudgetConsumption.as_view()),
    path("reporting", ReportQuery.as_view()),
]
