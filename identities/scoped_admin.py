"""Ground of every admin page: scoped to the person's workspaces, read-mostly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from identities.models import Workspace
from identities.selectors import workspaces_of
from orqstudio.lib import ids

if TYPE_CHECKING:
    from django.db.models import ForeignKey, Model, QuerySet
    from django.forms import ModelChoiceField
    from django.http import HttpRequest

COUNT_MOST = 10_000


def workspaces_for(request: HttpRequest) -> QuerySet[Workspace]:
    """Return what a person of the admin may look into; superusers into all."""
    if getattr(request.user, "is_superuser", False):
        return Workspace.objects.all()
    return workspaces_of(request.user)


class CappedPaginator(Paginator):
    """Counts to ten thousand and no further, so that a long table opens at once."""

    @cached_property
    def count(self) -> int:
        """Rows, at most `COUNT_MOST`."""
        rows: Any = self.object_list
        return int(rows[:COUNT_MOST].count())


class WorkspaceFilter(admin.SimpleListFilter):
    """Narrow a list to one workspace, of those the person may see."""

    title = _("workspace")
    parameter_name = "workspace"

    def lookups(
        self, request: HttpRequest, _model_admin: Any
    ) -> Sequence[tuple[str, str]]:
        """Offer the workspaces by name."""
        return [(str(w.pk), w.name) for w in workspaces_for(request)]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Filter; a value that is not offered filters nothing."""
        value = self.value()
        offered = {key for key, _name in self.lookups(request, None)}
        return queryset.filter(workspace=value) if value in offered else queryset


class ScopedAdmin(admin.ModelAdmin):
    """Shows rows of the person's workspaces alone."""

    workspace_path = "workspace"
    list_per_page = 50
    fixed_fields: Sequence[str] = ()
    """Fields that are chosen when the row is made, and stay."""

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the rows of the person's workspaces."""
        rows = super().get_queryset(request)
        if getattr(request.user, "is_superuser", False):
            return rows
        return rows.filter(**{f"{self.workspace_path}__in": workspaces_for(request)})

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[Any]:
        """Return what can only be read, with the fixed fields once they are set."""
        fields = [*super().get_readonly_fields(request, obj)]
        return [*fields, *self.fixed_fields] if obj else fields

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        """Offer only what lies in the person's workspaces."""
        page = self.admin_site.get_model_admin(db_field.related_model)
        if isinstance(page, ScopedAdmin):
            kwargs["queryset"] = page.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Search; 26 characters of a ULID find the row itself."""
        own_id = ids.parse(search_term.strip())
        if own_id is not None and queryset.filter(pk=own_id).exists():
            return queryset.filter(pk=own_id), False
        term = search_term.replace("\x00", "")
        return super().get_search_results(request, queryset, term)


class ReadOnlyAdmin(ScopedAdmin):
    """Rows that only the ledger writes: nobody adds, changes or deletes them here."""

    show_full_result_count = False
    paginator = CappedPaginator

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Refuse."""
        return False
