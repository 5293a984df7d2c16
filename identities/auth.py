"""Bearer key -> workspace, for the resource API. The gateway has its own, async."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from identities.errors import ApiKeyInvalid, ApiKeyMissing, NotAuthorized
from identities.models import ApiKey
from identities.services import note_key_used
from orqstudio.lib.tokens import hash_token, read_bearer
from orqstudio.web.facts import instant_of

USE_NOTED_EVERY = timedelta(minutes=1)
"""A key's last use is at most this much too old; no write at every request."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who calls, as DRF wants to see it: whoever has the key."""

    api_key: ApiKey
    is_authenticated: bool = True


def find_key(token: str, now: datetime) -> ApiKey:
    """Return the key of a token, its workspace with it. One query.

    Raises:
        ApiKeyInvalid: unknown, revoked or expired; which of them is not told.
    """
    digest = hash_token(token)
    rows = ApiKey.objects.select_related("workspace")
    api_key = rows.filter(token_hash=digest).first()
    if api_key is None or not compare_digest(bytes(api_key.token_hash), digest):
        raise ApiKeyInvalid
    if not is_valid(api_key, now):
        raise ApiKeyInvalid
    return api_key


def is_valid(api_key: ApiKey, now: datetime) -> bool:
    """Whether the key is neither revoked nor expired at `now`."""
    if api_key.revoked_at is not None and api_key.revoked_at <= now:
        return False
    return api_key.expires_at is None or api_key.expires_at > now


class ApiKeyAuthentication(BaseAuthentication):
    """Sets `request.auth` to the ApiKey."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey]:
        """Return who calls.

        Raises:
            ApiKeyMissing: the request carries no bearer token.
            ApiKeyInvalid: it carries a useless one.
        """
        token = read_bearer(request.headers.get("Authorization"))
        if token is None:
            raise ApiKeyMissing
        now = instant_of(request)
        api_key = find_key(token, now)
        if is_note_due(api_key, now):
            note_key_used(api_key=api_key, now=now)
        return KeyHolder(api_key), api_key


def is_note_due(api_key: ApiKey, now: datetime) -> bool:
    """Whether the last use that is on record is old enough to write a new one."""
    last_used_at = api_key.last_used_at
    return last_used_at is None or now - last_used_at >= USE_NOTED_EVERY


def key_of(request: Request) -> ApiKey:
    """Return the key that an authenticated request came with."""
    return cast(ApiKey, request.auth)


class MayManage(BasePermission):
    """Keys bound to one identity may make calls, and nothing else.

    Otherwise whoever a budget binds could read all profiles, or lift the budget.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        """Tell yes, or raise.

        Raises:
            NotAuthorized: the key is bound.
        """
        if key_of(request).bound_external_id:
            raise NotAuthorized
        return True
