"""Which workspace a signed-in person works in, and what they may do there.

Knows roles, not pages: the Studio's views and its templates ask here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from identities.models import Membership, Workspace
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
    from django.http import HttpResponse

SESSION_KEY = "workspace"

VIEW, EDIT, MANAGE = "view", "edit", "manage"
"""Read; change identities; change budgets and keys too."""

_RIGHTS = {
    Membership.Role.OWNER: frozenset({VIEW, EDIT, MANAGE}),
    Membership.Role.ADMIN: frozenset({VIEW, EDIT, MANAGE}),
    Membership.Role.DEVELOPER: frozenset({VIEW, EDIT}),
    Membership.Role.VIEWER: frozenset({VIEW}),
}


@dataclass(frozen=True, slots=True)
class Access:
    """A person's place: one workspace, a role, and where else they could go."""

    workspace: Workspace
    role: Membership.Role
    memberships: tuple[Membership, ...] = field(repr=False)

    @property
    def can_edit(self) -> bool:
        """Whether identities may be created, changed and deleted."""
        return EDIT in _RIGHTS[self.role]

    @property
    def can_manage(self) -> bool:
        """Whether budgets and API keys may be changed."""
        return MANAGE in _RIGHTS[self.role]

    def allows(self, right: str) -> bool:
        """Tell whether the role carries the right."""
        return right in _RIGHTS[self.role]


class StudioRequest(HttpRequest):
    """What a Studio view is given: a request with its facts; for types alone."""

    access: Access
    now: datetime
    id: str


def find_access(
    user: AbstractBaseUser | AnonymousUser, session: Mapping[str, Any]
) -> Access | None:
    """Return the workspace the session chose, else the first one joined.

    One query. None: the person belongs to no workspace.
    """
    rows = tuple(
        Membership.objects.filter(user_id=user.pk or 0)
        .select_related("workspace")
        .order_by("id")
    )
    if not rows:
        return None
    wanted = ids.parse(str(session.get(SESSION_KEY, "")))
    chosen = next((row for row in rows if row.workspace_id == wanted), rows[0])
    return Access(chosen.workspace, Membership.Role(chosen.role), rows)


def studio_view(
    right: str = VIEW, *, write: str | None = None
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Give a Studio view its `request.access` and refuse those without the right.

    Args:
        right: what every request needs.
        write: what a POST needs; the same unless named.

    Raises (from the view):
        PermissionDenied: no workspace, or the role lacks the right.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(request: StudioRequest, **parts: Any) -> HttpResponse:
            access = find_access(request.user, request.session)
            needed = write if write and request.method == "POST" else right
            if access is None or not access.allows(needed):
                raise PermissionDenied
            request.access = access
            return view(request, **parts)

        return guarded

    return decorate
