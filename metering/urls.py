"""Addresses of the budget resource, below /v2/."""

from __future__ import annotations

from django.urls import path

from metering.api import BudgetConsumption, BudgetDetail, BudgetList, BudgetReset

urlpatterns = [
    path("budgets", BudgetList.as_view()),
    path("budgets/<str:budget_id>", BudgetDetail.as_view()),
    path("budgets/<str:budget_id>/reset-consumption", BudgetReset.as_view()),
    path("budgets/<str:budget_id>/consumption", BudgetConsumption.as_view()),
]
