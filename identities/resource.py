"""Ground of the resources of one workspace; `identities.auth` cannot import views."""

from __future__ import annotations

from typing import ClassVar

from identities.auth import ApiKeyAuthentication, HasRight, key_of
from identities.models import Workspace
from identities.rights import Resource
from orqstudio.web.api import ApiView


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
