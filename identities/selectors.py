"""Reads of workspaces and identities; every query is scoped to one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from identities.errors import IdentityNotFound
from identities.models import (
    ApiKey,
    Identity,
    IdentityQuerySet,
    Membership,
    Workspace,
)
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


def get_identity(workspace: Workspace, ref: str) -> Identity:
    """Return the identity with this `_id`, else the one with this external_id.

    One query.

    Raises:
        IdentityNotFound: the workspace has neither.
    """
    if "\x00" in ref:  # no row can hold it, and PostgreSQL refuses to compare it
        raise IdentityNotFound
    own_id = ids.parse(ref)
    matches = (
        Q(external_id=ref) if own_id is None else Q(external_id=ref) | Q(pk=own_id)
    )
    found = list(Identity.objects.in_workspace(workspace).filter(matches))
    if not found:
        raise IdentityNotFound
    return next((each for each in found if each.pk == own_id), found[0])


def identity_of_id(workspace: Workspace, public_id: str) -> Identity | None:
    """Return the identity with this `_id`, never one by external_id. One query."""
    own_id = ids.parse(public_id)
    return list_identities(workspace).filter(pk=own_id).first() if own_id else None


def list_identities(workspace: Workspace) -> IdentityQuerySet:
    """Return all identities of a workspace, newest first."""
    return Identity.objects.in_workspace(workspace).order_by("-id")


def search_identities(
    workspace: Workspace,
    *,
    text: str = "",
    tags: Sequence[str] = (),
    is_any_tag_enough: bool = False,
) -> IdentityQuerySet:
    """Return those whose external_id, name or e-mail contain the text, any case.

    All of the tags must be there, or one of them where that is enough. An empty text
    matches every identity.
    """
    rows = list_identities(workspace)
    rows = rows.tagged_any(*tags) if is_any_tag_enough else rows.tagged(*tags)
    return rows.matching(text) if text else rows


def identities_named(
    workspace: Workspace, external_ids: Collection[str]
) -> dict[str, Identity]:
    """Return external_id -> identity for those that have a record. One query."""
    found = Identity.objects.in_workspace(workspace).filter(
        external_id__in=external_ids
    )
    return {each.external_id: each for each in found}


def list_api_keys(workspace: Workspace) -> QuerySet[ApiKey]:
    """Return a workspace's keys, revoked ones too, newest first."""
    return ApiKey.objects.filter(workspace=workspace).order_by("-id")


def get_api_key(workspace: Workspace, public_id: str) -> ApiKey | None:
    """Return the key behind 26 characters, None when the workspace has none."""
    own_id = ids.parse(public_id)
    return list_api_keys(workspace).filter(pk=own_id).first() if own_id else None


def kept_api_keys(workspace: Workspace) -> QuerySet[ApiKey]:
    """Return the keys the API shows: all but the deleted ones, newest first."""
    return list_api_keys(workspace).filter(deleted_at=None)


def workspaces_of(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Workspace]:
    """Return the workspaces a person is a member of."""
    memberships = Membership.objects.filter(user_id=user.pk or 0)
    return Workspace.objects.filter(pk__in=memberships.values("workspace_id"))


def workspace_of_user(
    user: AbstractBaseUser | AnonymousUser,
) -> tuple[Workspace, str] | None:
    """Return the workspace a signed-in person works in, with their role there.

    The first one they joined, until the Studio can switch. One query.
    """
    if not user.is_authenticated:
        return None
    membership = (
        Membership.objects.filter(user_id=user.pk)
        .select_related("workspace")
        .order_by("id")
        .first()
    )
    return (membership.workspace, membership.role) if membership else None
