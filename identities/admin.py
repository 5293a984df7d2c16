"""Admin of workspaces, memberships, API keys and identities; writes by services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from identities.models import ApiKey, ApiKeySecret, Identity, Membership, Workspace
from identities.scoped_admin import ReadOnlyAdmin, ScopedAdmin, WorkspaceFilter
from identities.services import (
    CHANGEABLE,
    create_identity,
    create_workspace,
    revoke_api_key,
    update_identity,
)
from metering.services import delete_identity_and_budget, prepare_workspace

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest

admin.site.site_header = _("orqstudio administration")
admin.site.site_title = _("orqstudio")
admin.site.index_title = _("For operators")


@admin.register(Workspace)
class WorkspaceAdmin(ScopedAdmin):
    """Tenants; deleting one with all its usage is not done with a click."""

    workspace_path = "pk"
    list_display = ("name", "slug", "public_id", "unpriced_model", "created_at")
    search_fields = ("name", "slug")
    fields = ("slug", "name", "unpriced_model", "public_id", "created_at", "updated_at")
    readonly_fields = ("public_id", "created_at", "updated_at")
    fixed_fields = ("slug",)

    def save_model(
        self,
        request: HttpRequest,
        obj: Workspace,
        form: ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Create by the service, with providers and the deployment `demo`."""
        row = obj
        if not change:
            row = create_workspace(slug=obj.slug, name=obj.name)
            prepare_workspace(workspace=row)
            row.unpriced_model, obj.pk = obj.unpriced_model, row.pk
        row.updated_at = request.now  # type: ignore[attr-defined]
        row.save(update_fields=["name", "unpriced_model", "updated_at"])

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Let superusers alone make tenants."""
        return bool(getattr(request.user, "is_superuser", False))

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Refuse."""
        return False


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    """Who may do what where."""

    list_display = ("user", "workspace", "role", "created_at")
    list_filter = (WorkspaceFilter, "role")
    list_select_related = ("user", "workspace")
    search_fields = ("user__username", "user__email")
    autocomplete_fields = ("user",)
    fixed_fields = ("workspace", "user")


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    """Keys by their prefix; the Studio and `create_api_key` make them."""

    list_display = (
        "name",
        "token_prefix",
        "workspace",
        "permission_mode",
        "status",
        "last_used_at",
    )
    list_filter = (WorkspaceFilter, ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("workspace",)
    search_fields = ("name", "token_prefix", "bound_external_id")
    fields = (
        "workspace",
        "name",
        "token_prefix",
        "permission_mode",
        "access",
        "bound_external_id",
        "bound_prefix",
        "owner_external_id",
        "project_id",
        "expires_at",
        "disabled_at",
        "revoked_at",
        "last_used_at",
        "created_at",
    )
    readonly_fields = fields
    actions = ("revoke",)

    @admin.action(description=_("Revoke selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Make the keys useless from now on."""
        for api_key in queryset:
            revoke_api_key(api_key=api_key, now=request.now)  # type: ignore[attr-defined]
        self.message_user(request, _("The keys were revoked."))

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Refuse: the secret could not be shown."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Refuse: usage names its key for ever; revoke instead."""
        return False


@admin.register(ApiKeySecret)
class ApiKeySecretAdmin(ReadOnlyAdmin):
    """When a key's tokens were made and end; their hashes are not shown."""

    workspace_path = "api_key__workspace"
    list_display = ("api_key", "created_at", "expires_at")
    list_select_related = ("api_key",)
    search_fields = ("api_key__name", "api_key__token_prefix")
    fields = ("api_key", "created_at", "expires_at")


@admin.register(Identity)
class IdentityAdmin(ScopedAdmin):
    """Whom usage is attributed to."""

    list_display = (
        "external_id",
        "display_name",
        "email",
        "workspace",
        "source",
        "updated_at",
    )
    list_filter = (WorkspaceFilter, "source")
    list_select_related = ("workspace",)
    search_fields = ("external_id", "display_name", "email")
    show_full_result_count = False
    fields = (
        "workspace",
        "external_id",
        "display_name",
        "email",
        "avatar_url",
        "tags",
        "metadata",
        "public_id",
        "source",
        "created_at",
        "updated_at",
    )
    readonly_fields = ("public_id", "source", "created_at", "updated_at")
    fixed_fields = ("workspace", "external_id")

    def save_model(
        self,
        request: HttpRequest,
        obj: Identity,
        form: ModelForm,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Create or change by the service."""
        if change:
            changed = CHANGEABLE & set(form.changed_data)
            update_identity(
                identity=obj, changes={name: getattr(obj, name) for name in changed}
            )
            return
        made = create_identity(
            workspace=obj.workspace,
            external_id=obj.external_id,
            source=Identity.Source.STUDIO,
            **{name: getattr(obj, name) for name in CHANGEABLE},
        )
        obj.pk = made.pk

    def delete_model(self, request: HttpRequest, obj: Identity) -> None:
        """Delete it with its budget."""
        delete_identity_and_budget(identity=obj, may_delete_budget=True)

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[Identity]
    ) -> None:
        """Delete each with its budget."""
        for identity in queryset:
            delete_identity_and_budget(identity=identity, may_delete_budget=True)
