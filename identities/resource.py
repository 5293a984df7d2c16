"""Ground of the resources of one workspace; `identities.auth` cannot import views."""

from __future__ import annotations

from identities.auth import ApiKeyAuthentication, MayManage, key_of
from identities.models import Workspace
from orqstudio.web.api import ApiView


class WorkspaceView(ApiView):
    """A resource of the caller's workspace."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (MayManage,)

    @property
    def workspace(self) -> Workspace:
        """The workspace of the caller's key."""
        return key_of(self.request).workspace
