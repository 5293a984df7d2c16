"""The query string of the key list: what narrows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from identities.api_keys.names import MODES, STATUSES
from identities.models import ApiKey, Workspace
from identities.selectors import kept_api_keys
from orqstudio.web.query import read_choices, read_text

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import QueryDict

_OF_STATUS = {
    ApiKey.Status.ACTIVE: Q(revoked_at=None, disabled_at=None),
    ApiKey.Status.DISABLED: Q(revoked_at=None, disabled_at__isnull=False),
    ApiKey.Status.REVOKED: Q(revoked_at__isnull=False),
}
WORKSPACE, ROUTER = "workspace", "router"
SOURCES = {WORKSPACE: Q(), ROUTER: Q(pk__in=[])}
"""All our keys are the workspace's; the API knows older ones of its router alone."""
OWNERS = {
    "OWNER_TYPE_USER": ~Q(owner_external_id=""),
    "OWNER_TYPE_SERVICE_ACCOUNT": Q(owner_external_id=""),
}


def narrowed_keys(workspace: Workspace, query: QueryDict) -> QuerySet[ApiKey]:
    """Return the keys that pass every filter of the query.

    Raises:
        InvalidInput: a filter has a value that is none of its choices.
    """
    rows = kept_api_keys(workspace)
    if text := read_text(query, "search"):
        rows = rows.filter(name__icontains=text)
    if project_id := read_text(query, "project_id"):
        rows = rows.filter(project_id=project_id)
    if modes := read_choices(query, "permission_mode", MODES):
        rows = rows.filter(permission_mode__in=modes)
    for name, conditions in (
        ("status", {text: _OF_STATUS[status] for text, status in STATUSES.items()}),
        ("source", SOURCES),
        ("owner_type", OWNERS),
    ):
        rows = rows.filter(_any_of(query, name, conditions))
    return rows


def _any_of(query: QueryDict, name: str, conditions: dict[str, Q]) -> Q:
    """Return what one of the values asks for; without a value everything passes."""
    chosen = read_choices(query, name, {text: text for text in conditions})
    either = Q()
    for text in chosen:
        either |= conditions[text]
    return either
