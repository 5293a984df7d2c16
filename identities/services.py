"""The only writer of workspaces, API keys and identities.

Times are the database's own clock except where `now` is an argument.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from identities.errors import (
    ExternalIdTaken,
    IdentityNotFound,
    SlugTaken,
    TokenTaken,
    TokenUnusable,
)
from identities.models import ApiKey, Identity, Workspace
from orqstudio.lib import ids
from orqstudio.lib.tokens import hash_token, is_usable, new_token, shown_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from orqstudio.lib.errors import DomainError

CHANGEABLE = frozenset({"display_name", "email", "avatar_url", "tags", "metadata"})
"""Fields of an identity that may change; its external_id never does."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A fresh key with its token, which is never shown again."""

    api_key: ApiKey
    token: str


@contextmanager
def _raising(constraint: str, error: DomainError) -> Iterator[None]:
    """Turn the violation of one named constraint into our error.

    The savepoint keeps a surrounding transaction usable.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as violation:
        if constraint in str(violation):
            raise error from None
        raise


def create_workspace(*, slug: str, name: str) -> Workspace:
    """Create a tenant.

    Raises:
        SlugTaken: a workspace with this slug exists.
    """
    with _raising("workspace_slug", SlugTaken(slug)):
        return Workspace.objects.create(slug=slug, name=name)


def issue_api_key(
    *,
    workspace: Workspace,
    name: str,
    token: str | None = None,
    bound_external_id: str = "",
) -> IssuedKey:
    """Create a key for a given token, or for a new random one.

    Raises:
        TokenUnusable: no header could carry the given token unchanged.
        TokenTaken: a key with the given token exists.
    """
    key_id = ids.new_id()
    token = new_token(key_id) if token is None else token
    if not is_usable(token):
        raise TokenUnusable
    with _raising("api_key_token_hash_uniq", TokenTaken()):
        api_key = ApiKey.objects.create(
            id=key_id,
            workspace=workspace,
            name=name,
            token_hash=hash_token(token),
            token_prefix=shown_prefix(token),
            bound_external_id=bound_external_id,
        )
    return IssuedKey(api_key, token)


def revoke_api_key(*, api_key: ApiKey, now: datetime) -> ApiKey:
    """Make the key useless from `now` on; revoking twice keeps the first time."""
    if api_key.revoked_at is None:
        api_key.revoked_at = api_key.updated_at = now
        api_key.save(update_fields=["revoked_at", "updated_at"])
    return api_key


def note_key_used(*, api_key: ApiKey, now: datetime) -> None:
    """Remember when the key was last used; callers sample, see `identities.auth`."""
    ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=now)


def create_identity(
    *,
    workspace: Workspace,
    external_id: str,
    display_name: str = "",
    email: str = "",
    avatar_url: str = "",
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    source: str,
) -> Identity:
    """Create an identity; of two at once with one external_id, one wins.

    Raises:
        ExternalIdTaken: the workspace has one with this external_id.
    """
    with _raising("identity_external_id_uniq", ExternalIdTaken(external_id)):
        return Identity.objects.create(
            workspace=workspace,
            external_id=external_id,
            display_name=display_name,
            email=email,
            avatar_url=avatar_url,
            tags=list(tags),
            metadata=dict(metadata or {}),
            source=source,
        )


def update_identity(*, identity: Identity, changes: Mapping[str, Any]) -> Identity:
    """Set the given fields alone, and `updated_at`; tags and metadata are replaced.

    Fields not named keep what a concurrent change gave them.

    Raises:
        IdentityNotFound: it was deleted meanwhile.
        ValueError: a field that cannot change is named.
    """
    if unknown := set(changes) - CHANGEABLE:
        raise ValueError(sorted(unknown))
    rows = Identity.objects.filter(pk=identity.pk)
    if not rows.update(**changes, updated_at=Now()):
        raise IdentityNotFound
    identity.refresh_from_db()
    return identity


def delete_identity(*, identity: Identity) -> None:
    """Delete the record; its usage events stay and meet a later record again.

    Its budget goes with it in `metering.services.delete_identity_and_budget`.

    Raises:
        IdentityNotFound: it was deleted meanwhile.
    """
    deleted, _ = Identity.objects.filter(pk=identity.pk).delete()
    if not deleted:
        raise IdentityNotFound
