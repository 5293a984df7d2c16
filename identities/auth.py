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
from identities.models import ApiKey, ApiKeySecret
from identities.rights import Level
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
        ApiKeyInvalid: unknown, disabled, revoked or expired; which is not told.
    """
    digest = hash_token(token)
    rows = ApiKeySecret.objects.select_related("api_key__workspace")
    secret = rows.filter(token_hash=digest).first()
    if secret is None or not compare_digest(bytes(secret.token_hash), digest):
        raise ApiKeyInvalid
    if not is_valid(secret, now):
        raise ApiKeyInvalid
    return secret.api_key


def is_valid(secret: ApiKeySecret, now: datetime) -> bool:
    """Whether key and secret are in force at `now`; `metering.gateway.auth` agrees."""
    api_key = secret.api_key
    ends = (secret.expires_at, api_key.expires_at)
    if api_key.revoked_at is not None or api_key.disabled_at is not None:
        return False
    return all(end is None or end > now for end in ends)


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


class HasRight(BasePermission):
    """Asks the key for the right that the view names.

    A view has `resource`, and `reading_methods` where more than GET only shows. One
    without a resource is closed to everybody.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        """Tell yes, or raise.

        Raises:
            NotAuthorized: the key's rights do not go so far.
        """
        resource = getattr(view, "resource", None)
        reads = request.method in getattr(view, "reading_methods", ())
        needed = Level.READ if reads else Level.WRITE
        if resource is None or key_of(request).rights[resource] < needed:
            raise NotAuthorized
        return True
