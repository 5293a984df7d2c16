"""The v2 resource `api-keys`. Source: contract 10.2. No trailing slash, no redirect.

A key manages only keys whose rights are no more than its own, of its project and no
longer life; otherwise one that may write keys could give itself everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from identities.api_keys.body import read_key_changes, read_new_key, read_overlap
from identities.api_keys.query import narrowed_keys
from identities.api_keys.records import (
    both_records,
    capability_catalog,
    first_record,
    listed_record,
)
from identities.auth import key_of
from identities.client_generation import reads_enum_numbers, speaks_first_keys
from identities.errors import ApiKeyNotFound, RightsExceeded
from identities.models import ApiKey
from identities.resource import WorkspaceView
from identities.rights import Resource, covers
from identities.selectors import kept_api_keys
from identities.services import (
    delete_api_key,
    issue_api_key,
    rotate_api_key,
    update_api_key,
)
from metering.models import Budget
from metering.selectors import budgets_of
from metering.serializers import embedded_budget
from orqstudio.lib import ids
from orqstudio.web.api import format_timestamp
from orqstudio.web.pagination import Order, fetch_page, read_page

LIMIT_DEFAULT = 25
LIMIT_MOST = 200
NEWEST = Order("id")


class KeyView(WorkspaceView):
    """What the addresses of keys share."""

    resource = Resource.API_KEYS

    @property
    def user_agent(self) -> str:
        """The client's own name for itself."""
        return self.request.headers.get("User-Agent", "")

    def find_key(self, public_id: str) -> ApiKey | None:
        """Return the key of this id, None when the workspace shows none."""
        return self._rows_of(public_id).first()

    def key(self, public_id: str) -> ApiKey:
        """Return the key of this id.

        Raises:
            ApiKeyNotFound: the workspace has none, or it was deleted.
        """
        return _require(self.find_key(public_id))

    def managed_key(self, public_id: str) -> ApiKey:
        """Return the key of this id, locked until the transaction ends.

        Raises:
            ApiKeyNotFound: the workspace has none, or it was deleted.
            RightsExceeded: it may do more than the caller.
        """
        api_key = _require(self._rows_of(public_id).select_for_update().first())
        self.require_covered(api_key)
        return api_key

    def _rows_of(self, public_id: str) -> QuerySet[ApiKey]:
        own_id = ids.parse(public_id)
        rows = kept_api_keys(self.workspace)
        return rows.filter(pk=own_id) if own_id else rows.none()

    def add_budgets(
        self, api_keys: Sequence[ApiKey], records: Sequence[dict[str, Any]]
    ) -> None:
        """Put each key's budget into its record when the query asks. One query."""
        if not self.shows_budgets():
            return
        found = budgets_of(
            self.workspace,
            [each.public_id for each in api_keys],
            scope_kind=Budget.ScopeKind.API_KEY,
        )
        for api_key, record in zip(api_keys, records, strict=True):
            if budget := found.get(api_key.public_id):
                record["budget"] = embedded_budget(budget)

    def require_covered(self, api_key: ApiKey) -> None:
        """Pass, or refuse.

        Raises:
            RightsExceeded: the key may do more than the caller, lasts longer, or
                goes beyond the caller's project.
        """
        own = key_of(self.request)
        is_within = not outlasts(api_key, own) and in_project_of(api_key, own)
        if not is_within or not covers(own.rights, api_key.rights):
            raise RightsExceeded


class KeyList(KeyView):
    """`/v2/api-keys`."""

    def get(self, request: Request) -> Response:
        """List all keys by name; the first clients get pages, the newest first."""
        rows = narrowed_keys(self.workspace, request.query_params)
        if speaks_first_keys(self.user_agent):
            return self._page(rows)
        # Here and not in SQL: databases differ in how they sort texts.
        api_keys = sorted(rows, key=lambda each: (each.name.casefold(), each.pk))
        records = [listed_record(each) for each in api_keys]
        self.add_budgets(api_keys, records)
        return Response(records)

    def _page(self, rows: QuerySet[ApiKey]) -> Response:
        query = self.request.query_params
        asked = read_page(query, default=LIMIT_DEFAULT, most=LIMIT_MOST)
        page = fetch_page(rows, asked, NEWEST, self.find_key)
        records = [first_record(each) for each in page.rows]
        self.add_budgets(page.rows, records)
        return Response({"object": "list", "data": records, "has_more": page.has_more})

    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Create a key and show its secret, this once; 200, as the clients demand."""
        facts = read_new_key(self.read_body(), self.now)
        issued = issue_api_key(workspace=self.workspace, **facts)
        self.require_covered(issued.api_key)
        return Response(both_records(issued.api_key, token=issued.token))


class KeyDetail(KeyView):
    """`/v2/api-keys/{id}`."""

    def get(self, request: Request, api_key_id: str) -> Response:
        """Retrieve one key, without its secret."""
        api_key = self.key(api_key_id)
        body = both_records(api_key)
        self.add_budgets([api_key, api_key], [body, body["api_key"]])
        return Response(body)

    @transaction.atomic
    def patch(self, request: Request, api_key_id: str) -> Response:
        """Change what the body names; within a second it holds everywhere."""
        api_key = self.managed_key(api_key_id)
        changes = read_key_changes(self.read_body(), self.now)
        api_key = update_api_key(api_key=api_key, changes=changes, now=self.now)
        self.require_covered(api_key)
        return Response(both_records(api_key))

    @transaction.atomic
    def delete(self, request: Request, api_key_id: str) -> Response:
        """Revoke the key for ever and show it no more; its usage keeps its id."""
        delete_api_key(api_key=self.managed_key(api_key_id), now=self.now)
        if speaks_first_keys(self.user_agent):
            return Response({})
        return Response(status=HTTPStatus.NO_CONTENT)


class KeyRotation(KeyView):
    """`/v2/api-keys/{id}/rotate`; our own."""

    @transaction.atomic
    def post(self, request: Request, api_key_id: str) -> Response:
        """Give the key a new secret, shown this once; the old one may overlap."""
        api_key = self.managed_key(api_key_id)
        overlap = read_overlap(self.read_body())
        issued = rotate_api_key(api_key=api_key, overlap=overlap, now=self.now)
        body = both_records(issued.api_key, token=issued.token)
        until = format_timestamp(self.now + overlap)
        return Response({**body, "previous_token_expires_at": until})


class KeyCapabilities(KeyView):
    """`/v2/api-keys/capabilities`."""

    def get(self, request: Request) -> Response:
        """List what a key can be given rights to."""
        in_numbers = reads_enum_numbers(self.user_agent)
        return Response(capability_catalog(in_numbers=in_numbers))


def outlasts(api_key: ApiKey, own: ApiKey) -> bool:
    """Whether the key ends after the other, or never while the other does."""
    if own.expires_at is None:
        return False
    return api_key.expires_at is None or api_key.expires_at > own.expires_at


def in_project_of(api_key: ApiKey, own: ApiKey) -> bool:
    """Whether the key is of the other's project; one without has all of them."""
    return own.project_id in {"", api_key.project_id}


def _require(api_key: ApiKey | None) -> ApiKey:
    if api_key is None:
        raise ApiKeyNotFound
    return api_key
