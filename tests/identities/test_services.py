"""Writes of workspaces, keys and identities, below the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from identities import services
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
from orqstudio.lib.tokens import hash_token
from tests.conftest import NOON
from tests.make import make_identity


def test_a_new_key_names_itself_and_is_kept_as_a_hash_only(workspace):
    issued = services.issue_api_key(workspace=workspace, name="ci")

    key = ApiKey.objects.get()
    secret = issued.token.removeprefix(f"sk-orq-{key.public_id}-")
    assert len(secret) == 64
    assert bytes(key.secrets.get().token_hash) == hash_token(issued.token)
    assert key.token_prefix == f"sk-orq-{key.public_id}"
    assert secret not in str(ApiKey.objects.values().get())


@pytest.mark.parametrize(
    ("token", "prefix"), [("x", ""), ("secret12", "se"), ("a" * 100, "a" * 8)]
)
def test_little_is_shown_of_a_token_that_was_given(workspace, token, prefix):
    issued = services.issue_api_key(workspace=workspace, name="env", token=token)

    assert issued.token == token
    assert issued.api_key.token_prefix == prefix


@pytest.mark.parametrize("token", ["", "a b", "a:", "é", "a\n", "x" * 513])
def test_a_token_that_no_header_carries_unchanged_is_refused(workspace, token):
    with pytest.raises(TokenUnusable):
        services.issue_api_key(workspace=workspace, name="env", token=token)


def test_a_token_is_taken_across_workspaces_and_the_transaction_survives(
    workspace, other_workspace
):
    services.issue_api_key(workspace=other_workspace, name="a", token="t")

    with transaction.atomic():
        with pytest.raises(TokenTaken):
            services.issue_api_key(workspace=workspace, name="b", token="t")
        make_identity(workspace)

    assert Identity.objects.exists()


def test_revoking_twice_keeps_the_first_time(workspace):
    key = services.issue_api_key(workspace=workspace, name="ci").api_key

    services.revoke_api_key(api_key=key, now=NOON)
    services.revoke_api_key(api_key=key, now=NOON.replace(hour=13))

    key.refresh_from_db()
    assert key.revoked_at == key.updated_at == NOON


def test_a_workspace_slug_is_taken_once(workspace):
    with pytest.raises(SlugTaken, match="acme"):
        services.create_workspace(slug="acme", name="Again")

    assert Workspace.objects.count() == 1


def test_a_taken_external_id_leaves_the_transaction_usable(workspace):
    make_identity(workspace, "jane")

    with transaction.atomic():
        with pytest.raises(ExternalIdTaken, match="jane"):
            make_identity(workspace, "jane")
        make_identity(workspace, "john")

    assert Identity.objects.count() == 2


def test_an_update_keeps_what_somebody_else_changed_meanwhile(workspace):
    mine = make_identity(workspace, "jane")
    theirs = Identity.objects.get()

    services.update_identity(identity=theirs, changes={"email": "j@example.com"})
    services.update_identity(identity=mine, changes={"display_name": "Jane"})

    assert (mine.email, mine.display_name) == ("j@example.com", "Jane")


def test_what_was_deleted_meanwhile_is_not_found(workspace):
    jane = make_identity(workspace, "jane")
    Identity.objects.all().delete()

    with pytest.raises(IdentityNotFound):
        services.update_identity(identity=jane, changes={"tags": []})
    with pytest.raises(IdentityNotFound):
        services.delete_identity(identity=jane)


@pytest.mark.parametrize("name", ["external_id", "workspace", "created_at"])
def test_what_never_changes_cannot_be_named_as_a_change(workspace, name):
    jane = make_identity(workspace, "jane")

    with pytest.raises(ValueError, match=name):
        services.update_identity(identity=jane, changes={name: "x"})


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"permission_mode": "restricted"}, AccessMissing),
        ({"access": {"calls": "read"}}, AccessUnused),
        ({"bound_external_id": "a/1", "bound_prefix": "a/"}, BoundTwice),
        ({"bound_prefix": "a/", "owner_external_id": "b/1"}, OwnerOutsidePrefix),
        ({"revoked_at": NOON}, ValueError),
    ],
)
def test_facts_of_a_key_that_contradict_each_other_are_told_in_words(
    workspace, facts, error
):
    key = services.issue_api_key(workspace=workspace, name="ci").api_key

    with pytest.raises(error):
        services.issue_api_key(workspace=workspace, name="new", **facts)
    with pytest.raises(error):
        services.update_api_key(api_key=key, changes=facts, now=NOON)

    assert ApiKey.objects.get().updated_at == key.updated_at


def test_a_key_that_was_revoked_meanwhile_neither_changes_nor_rotates(workspace):
    mine = services.issue_api_key(workspace=workspace, name="ci").api_key
    services.revoke_api_key(api_key=ApiKey.objects.get(), now=NOON)

    with pytest.raises(ApiKeyRevoked):
        services.update_api_key(api_key=mine, changes={"name": "x"}, now=NOON)
    with pytest.raises(ApiKeyRevoked):
        services.rotate_api_key(api_key=mine, overlap=timedelta(0), now=NOON)

    assert ApiKey.objects.get().name == "ci"
    assert ApiKeySecret.objects.count() == 1


def test_a_key_is_deleted_once(workspace):
    key = services.issue_api_key(workspace=workspace, name="ci").api_key

    services.delete_api_key(api_key=key, now=NOON)
    with pytest.raises(ApiKeyNotFound):
        services.delete_api_key(api_key=key, now=NOON.replace(hour=13))

    key.refresh_from_db()
    assert key.deleted_at == key.revoked_at == NOON


def test_a_token_that_was_rotated_away_is_never_issued_again(workspace):
    """Else a restart with the old ORQSTUDIO_API_KEY would bring it back."""
    key = services.issue_api_key(workspace=workspace, name="env", token="t").api_key
    services.rotate_api_key(api_key=key, overlap=timedelta(0), now=NOON)

    with pytest.raises(TokenTaken):
        services.issue_api_key(workspace=workspace, name="env", token="t")


def test_an_upsert_names_what_may_change_and_nothing_else(workspace):
    with pytest.raises(ValueError, match="source"):
        services.put_identity(
            workspace=workspace,
            external_id="jane",
            facts={"source": "studio"},
            source=Identity.Source.API,
        )

    assert not Identity.objects.exists()


def test_an_upsert_moves_updated_and_keeps_created(workspace):
    def put(**facts):
        return services.put_identity(
            workspace=workspace,
            external_id="jane",
            facts=facts,
            source=Identity.Source.API,
        )

    made = put(display_name="Jane")
    Identity.objects.update(created_at=NOON, updated_at=NOON)
    changed = put(tags=["a"])

    assert changed.pk == made.pk
    assert (changed.display_name, changed.tags) == ("Jane", ["a"])
    assert changed.created_at == NOON
    assert changed.updated_at > NOON
