"""Studio routes of budgets."""

from __future__ import annotations

from django.urls import path

from metering import views

urlpatterns = [
    path("budgets/", views.budget_list, name="budget_list"),
    path("budgets/new/", views.budget_new, name="budget_new"),
    path("budgets/preview/", views.budget_preview, name="budget_preview"),
    path("budgets/workspace/", views.workspace_budget, name="workspace_budget"),
    path("budgets/<str:public_id>/", views.budget_edit, name="budget_edit"),
    path("budgets/<str:public_id>/reset/", views.budget_reset, name="budget_reset"),
    path("budgets/<str:public_id>/remove/", views.budget_remove, name="budget_remove"),
    path(
        "identities/<str:public_id>/budget/",
        views.identity_budget,
        name="identity_budget",
    ),
]
