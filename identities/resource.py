"""Ground of the resources of one workspace; `identities.auth` cannot import views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase

from identities.auth import ApiKeyAuthentication, HasRight, key_of
from identities.models import Workspace
from identities.rights import Level, Resource
from orqstudio.web.api import ApiView
from orqstudio.web.query import read_bool


def by_generation(
    current: type[ApiView], older: type[ApiView], is_older: Callable[[str], bool]
) -> Callable[..., HttpResponseBase]:
    """Return a view that leaves requests of older clients to another view.

    Args:
        current: answers everybody else; it is what the address is known by.
        older: answers those clients.
        is_older: decides by the User-Agent; from `identities.client_generation`.
    """
    answer, answer_older = current.as_view(), older.as_view()

    @wraps(answer)
    def choose(request: HttpRequest, **parts: Any) -> HttpResponseBase:
        user_agent = request.headers.get("User-Agent", "")
        return (answer_older if is_older(user_agent) else answer)(request, **parts)

    return choose


class WorkspaceView(ApiView):
    """A resource of the caller's workspace; `resource` says whose right it needs."""

    resource: ClassVar[Resource]
    reading_methods: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD"})
    """Methods for which the right to read is enough; the others need that to write."""
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasRight,)

    @property
    def workspace(self) -> Workspace:
        """The workspace of the caller's key."""
        return key_of(self.request).workspace

    @property
    def budgets_level(self) -> Level:
        """The caller's right to budgets, for resources that show or delete them."""
        return key_of(self.request).rights[Resource.BUDGETS]

    def shows_budgets(self) -> bool:
        """Whether records carry `budget`: when asked for by who may read budgets."""
        wants_budget = read_bool(self.request.query_params, "include_budget")
        return bool(wants_budget) and self.budgets_level >= Level.READ
