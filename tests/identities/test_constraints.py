"""Every named constraint of this app is violated once, past all other checks."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from identities.models import ApiKey, ApiKeySecret, Identity, Membership
from tests.make import make_identity, make_key


def add_membership(workspace, user, role):
    Membership.objects.create(workspace=workspace, user=user, role=role)


VIOLATIONS = {
    "membership_once_per_workspace_uniq": lambda workspace, alice: add_membership(
        workspace, alice, "viewer"
    ),
    "membership_role_check": lambda workspace, alice: Membership.objects.update(
        role="king"
    ),
    "api_key_permission_mode_check": lambda workspace, alice: ApiKey.objects.update(
        permission_mode="some"
    ),
    "api_key_access_iff_restricted_check": lambda workspace, alice: (
        ApiKey.objects.update(permission_mode="restricted")
    ),
    "api_key_bound_once_check": lambda workspace, alice: ApiKey.objects.update(
        bound_external_id="a/1", bound_prefix="a/"
    ),
    "api_key_deleted_is_revoked_check": lambda workspace, alice: ApiKey.objects.update(
        deleted_at=Now()
    ),
    "api_key_secret_token_hash_uniq": lambda workspace, alice: (
        ApiKeySecret.objects.create(
            api_key=ApiKey.objects.get(),
            token_hash=bytes(ApiKeySecret.objects.get().token_hash),
        )
    ),
    "identity_external_id_uniq": lambda workspace, alice: Identity.objects.create(
        workspace=workspace, external_id="user_1"
    ),
    "identity_external_id_present_check": lambda workspace, alice: (
        Identity.objects.update(external_id="")
    ),
    "identity_source_check": lambda workspace, alice: Identity.objects.update(
        source="mars"
    ),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_the_database_refuses_what_the_constraint_forbids(workspace, alice, name):
    make_identity(workspace, "user_1")
    make_key(workspace)

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        VIOLATIONS[name](workspace, alice)


def test_access_of_a_key_that_is_not_restricted_is_refused_too(workspace):
    make_key(workspace)

    with (
        pytest.raises(IntegrityError, match="api_key_access_iff_restricted_check"),
        transaction.atomic(),
    ):
        ApiKey.objects.update(access={"budgets": "read"})


def test_no_named_constraint_is_left_out():
    models = apps.get_app_config("identities").get_models()
    named = {each.name for model in models for each in model._meta.constraints}
    assert named == set(VIOLATIONS)
