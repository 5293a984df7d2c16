"""API keys in the Studio: the secret once, the prefix ever after."""

from __future__ import annotations

from datetime import timedelta

import pytest

from identities.models import ApiKey
from tests.api_client import ApiClient
from tests.conftest import NOON
from tests.make import make_key


def test_a_new_key_shows_its_secret_once_and_works(owner):
    page = owner.send("/studio/keys/new/", {"name": "Backend"})

    token = page.one("code", data_secret="").text
    assert ApiClient(token).get("/v2/identities").status_code == 200
    assert page.response["Cache-Control"] == "private, no-store"
    listed = owner.visit("/studio/keys/").text
    assert "Backend" in listed
    assert token not in listed
    assert ApiKey.objects.get().token_prefix in listed


def test_a_key_can_be_bound_to_an_identity(owner):
    owner.send("/studio/keys/new/", {"name": "B", "bound_external_id": "user_1"})

    assert ApiKey.objects.get().bound_external_id == "user_1"


def test_a_key_needs_a_name(owner):
    page = owner.send("/studio/keys/new/", {"name": " "}, status=422)

    assert "This field is required." in page.one("div", role="alert").text
    assert not ApiKey.objects.exists()


def test_a_revoked_key_is_refused_and_stays_listed(owner, workspace):
    token = make_key(workspace, name="Old")
    api_key = ApiKey.objects.get()

    assert "refused with 401" in owner.visit(_revoke(api_key)).text
    owner.send(_revoke(api_key), status=302)

    assert ApiClient(token).get("/v2/identities").status_code == 401
    page = owner.visit("/studio/keys/")
    assert "revoked" in page.text
    assert not page.all("a", href=_revoke(api_key))


def test_a_foreign_key_is_a_404(owner, other_workspace):
    make_key(other_workspace, name="Theirs")
    theirs = ApiKey.objects.get()

    owner.visit(_revoke(theirs), status=404)
    owner.send(_revoke(theirs), status=404)

    theirs.refresh_from_db()
    assert theirs.revoked_at is None
    assert "Theirs" not in owner.visit("/studio/keys/").text


def test_without_keys_the_page_says_what_they_are_for(owner):
    assert "No API keys yet" in owner.visit("/studio/keys/").text


def _revoke(api_key: ApiKey) -> str:
    return f"/studio/keys/{api_key.public_id}/revoke/"


@pytest.mark.parametrize(
    ("chosen", "mode", "access"),
    [
        ({}, "all", {}),
        ({"rights": "read_only"}, "read_only", {}),
        ({"rights": "calls_only"}, "restricted", {"calls": "write"}),
        (
            {
                "rights": "restricted",
                "access_budgets": "write",
                "access_identities": "read",
                "access_calls": "",
            },
            "restricted",
            {"budgets": "write", "identities": "read"},
        ),
    ],
)
def test_rights_are_chosen_when_a_key_is_made(owner, chosen, mode, access):
    owner.send("/studio/keys/new/", {"name": "B", **chosen})

    key = ApiKey.objects.get()
    assert (key.permission_mode, key.access) == (mode, access)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"rights": "restricted"}, "Choose a right for at least one resource."),
        ({"access_calls": "write"}, "Rights by resource need"),
        ({"rights": "king"}, "Select a valid choice"),
        ({"rights": "restricted", "access_calls": "read"}, "Select a valid choice"),
        ({"expires_in_days": "0"}, "Select a valid choice"),
        ({"bound_prefix": "a/", "bound_external_id": "a/1"}, "not to both"),
        ({"bound_prefix": "a/", "owner_external_id": "b/1"}, "must begin with"),
    ],
)
def test_choices_that_contradict_each_other_make_no_key(owner, chosen, said):
    page = owner.send("/studio/keys/new/", {"name": "B", **chosen}, status=422)

    assert said in page.one("div", role="alert").text
    assert not ApiKey.objects.exists()


def test_what_was_chosen_stays_when_something_else_was_wrong(owner):
    chosen = {"rights": "restricted", "access_budgets": "write", "project_id": "p1"}

    page = owner.send("/studio/keys/new/", {"name": "", **chosen}, status=422)

    assert [each.get("open") for each in page.all("details", class_="details")] == [
        "",
        "",
    ]
    assert page.one("input", name="project_id")["value"] == "p1"


def test_a_key_can_have_an_end(owner, clock):
    page = owner.send("/studio/keys/new/", {"name": "B", "expires_in_days": "30"})

    assert ApiKey.objects.get().expires_at == NOON + timedelta(days=30)
    assert "It ends on" in page.text
    assert "until" in owner.visit("/studio/keys/").text


def test_binding_owner_and_project_are_kept(owner):
    chosen = {"bound_prefix": "a/", "owner_external_id": "a/1", "project_id": "p1"}

    owner.send("/studio/keys/new/", {"name": "B", **chosen})

    key = ApiKey.objects.get()
    assert {name: getattr(key, name) for name in chosen} == chosen
    assert "a/…" in owner.visit("/studio/keys/").text


def test_the_panel_is_short_until_more_is_asked_for(owner):
    page = owner.visit("/studio/keys/new/")

    details = page.all("details", class_="details")
    assert [each.get("open") for each in details] == [None, None]
