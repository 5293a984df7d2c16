"""The v2 resource `identities`: list, create, retrieve, update, delete.

Source: contract 3. No trailing slash, no redirect; ids are `_id` or external_id.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from identities.client_generation import (
    expects_no_content,
    loses_metadata,
    requires_metrics,
)
from identities.errors import IdentityNotFound
from identities.filters import read_order, read_tags
from identities.models import Identity
from identities.resource import WorkspaceView
from identities.rights import Level, Resource
from identities.selectors import get_identity, search_identities
from identities.serializers import (
    both_shapes,
    identity_record,
    read_identity_changes,
    read_new_identity,
)
from identities.services import create_identity, update_identity
from metering.selectors import budgets_of, metrics_for
from metering.serializers import embedded_budget, metrics_record
from metering.services import delete_identity_and_budget
from orqstudio.web.pagination import fetch_page, read_page
from orqstudio.web.query import read_bool, read_text

LIMIT_DEFAULT = 10
LIMIT_MOST = 200


class IdentityView(WorkspaceView):
    """What both addresses share."""

    resource = Resource.IDENTITIES

    @property
    def user_agent(self) -> str:
        """The client's own name for itself."""
        return self.request.headers.get("User-Agent", "")

    def records(
        self, identities: Sequence[Identity], *, with_metrics: bool
    ) -> list[dict[str, Any]]:
        """Return flat records, with metrics and budgets as the query asks.

        One query for metrics, one for budgets, whatever the number of identities.
        """
        wants_budget = self.shows_budgets()
        external_ids = [each.external_id for each in identities]
        records = {each.external_id: identity_record(each) for each in identities}
        if with_metrics:
            found = metrics_for(self.workspace, external_ids, now=self.now)
            for external_id, metrics in found.items():
                records[external_id]["metrics"] = metrics_record(metrics)
        if wants_budget:
            for external_id, budget in budgets_of(self.workspace, external_ids).items():
                records[external_id]["budget"] = embedded_budget(budget)
        return list(records.values())


class IdentityList(IdentityView):
    """`/v2/identities`."""

    def get(self, request: Request) -> Response:
        """List identities, newest first unless asked otherwise."""
        query = request.query_params
        with_metrics = self.shows_metrics()
        page = fetch_page(
            search_identities(
                self.workspace,
                text=read_text(query, "search"),
                tags=read_tags(query),
                is_any_tag_enough=settings.TAGS_MATCH_ANY,
            ),
            read_page(query, default=LIMIT_DEFAULT, most=LIMIT_MOST),
            read_order(query),
            self._find_cursor,
        )
        records = self.records(page.rows, with_metrics=with_metrics)
        return Response({"object": "list", "data": records, "has_more": page.has_more})

    def post(self, request: Request) -> Response:
        """Create an identity."""
        identity = create_identity(
            workspace=self.workspace,
            **read_new_identity(self.read_body()),
            source=Identity.Source.API,
        )
        return Response(
            both_shapes(identity_record(identity)),
            status=HTTPStatus.CREATED,
            headers={"Location": f"/v2/identities/{identity.public_id}"},
        )

    def shows_metrics(self) -> bool:
        """Whether items carry `metrics`: when asked for, and for old clients."""
        wants_metrics = read_bool(self.request.query_params, "include_metrics")
        return bool(wants_metrics) or requires_metrics(self.user_agent)

    def _find_cursor(self, ref: str) -> Identity | None:
        try:
            return get_identity(self.workspace, ref)
        except IdentityNotFound:
            return None


class IdentityDetail(IdentityView):
    """`/v2/identities/{_id or external_id}`."""

    def get(self, request: Request, ref: str) -> Response:
        """Retrieve one identity."""
        wants_metrics = read_bool(request.query_params, "include_metrics")
        identity = get_identity(self.workspace, ref)
        [record] = self.records([identity], with_metrics=bool(wants_metrics))
        return Response(both_shapes(record))

    def patch(self, request: Request, ref: str) -> Response:
        """Change the fields that the body names."""
        identity = get_identity(self.workspace, ref)
        changes = read_identity_changes(
            identity,
            self.read_body(),
            ignore_empty_metadata=loses_metadata(self.user_agent),
        )
        update_identity(identity=identity, changes=changes)
        return Response(both_shapes(identity_record(identity)))

    def delete(self, request: Request, ref: str) -> Response:
        """Delete the identity and its budget; its usage stays."""
        delete_identity_and_budget(
            identity=get_identity(self.workspace, ref),
            may_delete_budget=self.budgets_level >= Level.WRITE,
        )
        if self.answers_no_content():
            return Response(status=HTTPStatus.NO_CONTENT)
        return Response({})

    def answers_no_content(self) -> bool:
        """Whether a delete answers 204, as old clients expect."""
        return expects_no_content(self.user_agent)
