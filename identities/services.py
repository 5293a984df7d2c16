"""The only writer of workspaces, API keys and identities.

Times are the database's own clock except where `now` is an argument.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce, Now

from identities.errors import (
    AccessMissing,
    AccessUnused,
    ApiKeyNotFound,
    ApiKeyRevoked,
    BoundTwice,
    ExternalIdTaken,
    IdentityNotFound,
    OwnerOutsidePrefix,
    SlugTaken,
    TokenTaken,
    TokenUnusable,
)
from identities.models import ApiKey, ApiKeySecret, Identity, Workspace
from identities.rights import RESTRICTED
from orqstudio.lib.tokens import hash_token, is_usable, new_token, shown_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from orqstudio.lib.errors import DomainError

CHANGEABLE = frozenset({"display_name", "email", "avatar_url", "tags", "metadata"})
"""Fields of an identity that may change; its external_id never does."""
KEY_FACTS = frozenset(
    {
        "permission_mode",
        "access",
        "bound_external_id",
        "bound_prefix",
        "owner_external_id",
        "project_id",
        "expires_at",
    }
)
"""What a key may have beside its name."""


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
    *, workspace: Workspace, name: str, token: str | None = None, **facts: Any
) -> IssuedKey:
    """Create a key for a given token, or for a new random one; all rights unless told.

    Args:
        workspace: whose key it is.
        name: for people.
        token: kept as its hash alone.
        facts: any of `KEY_FACTS`.

    Raises:
        TokenUnusable: no header could carry the given token unchanged.
        TokenTaken: a key has or had the given token.
        AccessMissing, AccessUnused, BoundTwice, OwnerOutsidePrefix: facts that
            contradict each other.
        ValueError: an unknown fact.
    """
    _require_known(facts, KEY_FACTS)
    api_key = ApiKey(workspace=workspace, name=name, **facts)
    _require_consistent(api_key)
    token = new_token(api_key.pk) if token is None else token
    if not is_usable(token):
        raise TokenUnusable
    api_key.token_prefix = shown_prefix(token)
    with _raising("api_key_secret_token_hash_uniq", TokenTaken()):
        api_key.save(force_insert=True)
        ApiKeySecret.objects.create(api_key=api_key, token_hash=hash_token(token))
    return IssuedKey(api_key, token)


@transaction.atomic
def update_api_key(
    *, api_key: ApiKey, changes: Mapping[str, Any], now: datetime
) -> ApiKey:
    """Set the given fields alone; whoever changes the key meanwhile waits.

    Args:
        api_key: as it was read; it is read again under a lock.
        changes: any of `KEY_FACTS`, `name` and `status`. Leaving `restricted` takes
            the access away with it.
        now: aware; when a status begins.

    Raises:
        ApiKeyRevoked: nothing changes any more.
        AccessMissing, AccessUnused, BoundTwice, OwnerOutsidePrefix: the outcome would
            contradict itself.
        ValueError: an unknown field.
    """
    _require_known(changes, KEY_FACTS | {"name", "status"})
    api_key = _lock_unrevoked(api_key)
    facts = dict(changes)
    status = facts.pop("status", None)
    if facts.get("permission_mode", RESTRICTED) != RESTRICTED:
        facts.setdefault("access", {})
    for field, value in facts.items():
        setattr(api_key, field, value)
    _set_status(api_key, status, now)
    api_key.updated_at = now
    _require_consistent(api_key)
    api_key.save()
    return api_key


@transaction.atomic
def rotate_api_key(*, api_key: ApiKey, overlap: timedelta, now: datetime) -> IssuedKey:
    """Give the key a new secret; the ones it has work until `now + overlap`.

    Of two rotations at once the later one limits the secret of the earlier.

    Raises:
        ApiKeyRevoked: a revoked key gets no secret.
    """
    api_key = _lock_unrevoked(api_key)
    until = now + overlap
    lasting = Q(expires_at=None) | Q(expires_at__gt=until)
    api_key.secrets.filter(lasting).update(expires_at=until)
    token = new_token(api_key.pk)
    ApiKeySecret.objects.create(api_key=api_key, token_hash=hash_token(token))
    api_key.token_prefix = shown_prefix(token)
    api_key.updated_at = now
    api_key.save(update_fields=["token_prefix", "updated_at"])
    return IssuedKey(api_key, token)


def revoke_api_key(*, api_key: ApiKey, now: datetime) -> ApiKey:
    """Make the key useless from `now` on; revoking twice keeps the first time."""
    if api_key.revoked_at is None:
        api_key.revoked_at = api_key.updated_at = now
        api_key.save(update_fields=["revoked_at", "updated_at"])
    return api_key


def delete_api_key(*, api_key: ApiKey, now: datetime) -> None:
    """Revoke the key and show it no more; usage keeps its name.

    Raises:
        ApiKeyNotFound: it was deleted meanwhile.
    """
    revoked_at = Coalesce("revoked_at", Value(now))
    rows = ApiKey.objects.filter(pk=api_key.pk, deleted_at=None)
    if not rows.update(deleted_at=now, revoked_at=revoked_at, updated_at=now):
        raise ApiKeyNotFound


def _lock_unrevoked(api_key: ApiKey) -> ApiKey:
    """Return the key as it is now, held until the transaction ends."""
    found = ApiKey.objects.select_for_update().filter(pk=api_key.pk).first()
    if found is None or found.revoked_at is not None:
        raise ApiKeyRevoked
    return found


def _set_status(api_key: ApiKey, status: str | None, now: datetime) -> None:
    if status == ApiKey.Status.ACTIVE:
        api_key.disabled_at = None
    elif status == ApiKey.Status.DISABLED:
        api_key.disabled_at = api_key.disabled_at or now
    elif status == ApiKey.Status.REVOKED:
        api_key.revoked_at = now


def _require_consistent(api_key: ApiKey) -> None:
    """Say in words what the table's constraints would refuse, and more."""
    is_restricted = api_key.permission_mode == RESTRICTED
    if is_restricted and not api_key.access:
        raise AccessMissing
    if api_key.access and not is_restricted:
        raise AccessUnused
    if api_key.bound_external_id and api_key.bound_prefix:
        raise BoundTwice
    owner = api_key.owner_external_id
    if owner and not owner.startswith(api_key.bound_prefix):
        raise OwnerOutsidePrefix


def _require_known(facts: Iterable[str], known: frozenset[str]) -> None:
    if unknown := set(facts) - known:
        raise ValueError(sorted(unknown))


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


def put_identity(
    *, workspace: Workspace, external_id: str, facts: Mapping[str, Any], source: str
) -> Identity:
    """Create the identity, or set the given fields of the one there is.

    One statement, so that of many at once each has its effect. Fields not named keep
    what they have; so does the source of one that exists.

    Raises:
        IdentityNotFound: it was deleted meanwhile.
        ValueError: a field that cannot change is named.
    """
    _require_known(facts, CHANGEABLE)
    row = Identity(workspace=workspace, external_id=external_id, source=source, **facts)
    Identity.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["workspace", "external_id"],
        update_fields=[*facts, "updated_at"],
    )
    rows = Identity.objects.in_workspace(workspace)
    found = rows.filter(external_id=external_id).first()
    if found is None:
        raise IdentityNotFound
    return found


@transaction.atomic
def update_identity(*, identity: Identity, changes: Mapping[str, Any]) -> Identity:
    """Set the given fields alone, and `updated_at`; tags and metadata are replaced.

    Fields not named keep what a concurrent change gave them.

    Raises:
        IdentityNotFound: it was deleted meanwhile.
        ValueError: a field that cannot change is named.
    """
    _require_known(changes, CHANGEABLE)
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
