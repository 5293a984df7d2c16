"""Admin of metering: routing and prices are edited, budgets by their services.

What the ledger writes (windows, refusals, holds, events, daily sums) is only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db import models

from identities.scoped_admin import ReadOnlyAdmin, ScopedAdmin, WorkspaceFilter
from metering.forms import BudgetRowForm
from metering.models import (
    Budget,
    BudgetRefusal,
    BudgetWindow,
    Deployment,
    Hold,
    ModelPrice,
    Provider,
    UsageDaily,
    UsageEvent,
)
from metering.services import CHANGEABLE, create_budget, delete_budget, update_budget

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest


class RoutingAdmin(ScopedAdmin):
    """Rows without a service of their own: a plain save, and when it was."""

    def save_model(
        self,
        request: HttpRequest,
        obj: Any,
        form: ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Save, and note the time."""
        obj.updated_at = request.now  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)


@admin.register(Provider)
class ProviderAdmin(RoutingAdmin):
    """Upstreams."""

    list_display = ("key", "kind", "base_url", "workspace", "is_active", "updated_at")
    list_filter = (WorkspaceFilter, "kind", "is_active")
    list_select_related = ("workspace",)
    search_fields = ("key", "base_url")
    formfield_overrides: ClassVar = {models.URLField: {"assume_scheme": "https"}}
    readonly_fields = ("created_at", "updated_at")
    fixed_fields = ("workspace", "key")


@admin.register(Deployment)
class DeploymentAdmin(RoutingAdmin):
    """What stands behind a deployment key; every change is a version."""

    list_display = ("key", "model", "provider", "workspace", "version", "updated_at")
    list_filter = (WorkspaceFilter,)
    list_select_related = ("provider", "workspace")
    search_fields = ("key", "model", "description")
    readonly_fields = ("version", "created_at", "updated_at")
    fixed_fields = ("workspace", "key")

    def save_model(
        self,
        request: HttpRequest,
        obj: Deployment,
        form: ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Save as the next version."""
        if change:
            obj.version += 1
        super().save_model(request, obj, form, change)


@admin.register(ModelPrice)
class ModelPriceAdmin(ScopedAdmin):
    """A workspace's own prices; they win over the catalogue."""

    list_display = (
        "model",
        "provider_key",
        "workspace",
        "input_usd_per_mtok",
        "output_usd_per_mtok",
        "valid_from",
        "valid_until",
    )
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace",)
    search_fields = ("model", "provider_key")
    readonly_fields = ("created_at",)


@admin.register(Budget)
class BudgetAdmin(ScopedAdmin):
    """Limits; every write takes the ledger's lock by way of the services."""

    list_display = (
        "scope_kind",
        "scope_target",
        "period",
        "amount_usd",
        "token_limit",
        "requests_per_minute",
        "mode",
        "is_active",
        "workspace",
    )
    list_display_links = ("scope_kind", "scope_target")
    list_filter = (WorkspaceFilter, "scope_kind", "period", "mode", "is_active")
    list_select_related = ("workspace",)
    search_fields = ("scope_target", "match_cel")
    show_full_result_count = False
    readonly_fields = ("public_id", "alerts", "reset_at", "created_at", "updated_at")
    fixed_fields = ("workspace", "scope_kind", "scope_target")
    form = BudgetRowForm

    def save_model(
        self,
        request: HttpRequest,
        obj: Budget,
        form: ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Create or change by the service."""
        now = request.now  # type: ignore[attr-defined]
        if change:
            changed = CHANGEABLE & set(form.changed_data)
            changes = {name: getattr(obj, name) for name in changed}
            update_budget(budget=obj, changes=changes, now=now)
            return
        made = create_budget(
            workspace=obj.workspace,
            scope_kind=obj.scope_kind,
            scope_target=obj.scope_target,
            now=now,
            **{name: getattr(obj, name) for name in CHANGEABLE},
        )
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Budget) -> None:
        """Delete by the service."""
        delete_budget(budget=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Budget]) -> None:
        """Delete each by the service."""
        for budget in queryset:
            delete_budget(budget=budget)


@admin.register(BudgetWindow)
class BudgetWindowAdmin(ReadOnlyAdmin):
    """Caches of the ledger, one per open window."""

    workspace_path = "budget__workspace"
    list_display = (
        "budget",
        "starts_at",
        "ends_at",
        "settled_usd",
        "held_usd",
        "settled_requests",
    )
    list_select_related = ("budget",)
    search_fields = ("budget__scope_target",)


@admin.register(BudgetRefusal)
class BudgetRefusalAdmin(ReadOnlyAdmin):
    """Refused calls by day."""

    workspace_path = "budget__workspace"
    list_display = ("budget", "day", "code", "refusals", "last_at")
    list_filter = ("code",)
    list_select_related = ("budget",)
    search_fields = ("budget__scope_target",)


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """Calls under way."""

    list_display = (
        "id",
        "external_id",
        "model",
        "held_usd",
        "owner",
        "expires_at",
        "workspace",
    )
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace",)
    search_fields = ("external_id", "owner")


@admin.register(UsageEvent)
class UsageEventAdmin(ReadOnlyAdmin):
    """Metered calls; search is exact, so that an index answers."""

    list_display = (
        "occurred_at",
        "external_id",
        "provider_key",
        "model",
        "status",
        "http_status",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "workspace",
    )
    list_filter = (WorkspaceFilter, "status")
    list_select_related = ("workspace",)
    search_fields = ("external_id__exact",)


@admin.register(UsageDaily)
class UsageDailyAdmin(ReadOnlyAdmin):
    """Sums by identity, day and model."""

    list_display = (
        "day",
        "external_id",
        "provider_key",
        "model",
        "requests",
        "errors",
        "cost_usd",
        "workspace",
    )
    list_filter = (WorkspaceFilter,)
    list_select_related = ("workspace",)
    search_fields = ("external_id__exact", "model__exact")
