"""Reads of keys, people's workspaces and named identities, below the API."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User

from identities import selectors
from tests.make import make_identity, make_key


def test_a_person_works_in_the_workspace_they_joined_first(workspace, bob):
    assert selectors.workspace_of_user(bob) == (workspace, "viewer")


def test_a_person_without_a_workspace_and_nobody_have_none(db):
    assert selectors.workspace_of_user(User.objects.create_user("dave")) is None
    assert selectors.workspace_of_user(AnonymousUser()) is None


def test_keys_are_found_in_their_own_workspace_alone(workspace, other_workspace):
    make_key(workspace)
    [key] = selectors.list_api_keys(workspace)

    assert selectors.get_api_key(workspace, key.public_id) == key
    assert selectors.get_api_key(other_workspace, key.public_id) is None
    assert selectors.get_api_key(workspace, "nonsense") is None


def test_identities_are_found_by_several_names_at_once(workspace, other_workspace):
    jane = make_identity(workspace, "jane")
    make_identity(other_workspace, "john")

    found = selectors.identities_named(workspace, ["jane", "john", "nobody"])

    assert found == {"jane": jane}
