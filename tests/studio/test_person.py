"""Signing in, theme, and the choice between workspaces."""

from __future__ import annotations

import pytest

from identities.models import Membership
from tests.make import make_identity


def test_signing_in_leads_to_the_page_that_was_wanted(alice, client):
    answer = client.post(
        "/accounts/login/",
        {
            "username": "alice",
            "password": "alice-password",
            "next": "/studio/budgets/",
        },
    )

    assert answer.url == "/studio/budgets/"


def test_a_wrong_password_is_told_without_saying_which_was_wrong(alice, client):
    answer = client.post("/accounts/login/", {"username": "alice", "password": "x"})

    assert answer.status_code == 200
    assert "Please enter a correct username and password" in answer.content.decode()


def test_signing_in_does_not_lead_to_a_foreign_page(alice, client):
    answer = client.post(
        "/accounts/login/",
        {
            "username": "alice",
            "password": "alice-password",
            "next": "https://evil.example/",
        },
    )

    assert answer.url == "/studio/identities/"


def test_a_fragment_asked_for_after_the_session_ended_becomes_the_sign_in_page(
    db, client
):
    answer = client.get("/accounts/login/", headers={"HX-Request": "true"})

    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/accounts/login/"


def test_signing_out_ends_the_session(owner):
    owner.client.post("/accounts/logout/")

    assert owner.client.get("/studio/identities/").status_code == 302


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_kept_and_rendered_by_the_server(owner, theme):
    answer = owner.client.post(
        "/studio/theme/", {"theme": theme, "next": "/studio/keys/?a=1"}
    )

    assert answer.url == "/studio/keys/?a=1"
    assert owner.visit("/studio/keys/").one("html")["data-theme"] == theme


def test_an_unknown_theme_is_the_systems(owner):
    owner.client.post("/studio/theme/", {"theme": "<script>"})

    assert owner.visit("/studio/keys/").one("html").get("data-theme") is None


def test_a_made_up_theme_cookie_is_ignored(owner):
    owner.client.cookies["studio_theme"] = '"><script>'

    assert owner.visit("/studio/keys/").one("html").get("data-theme") is None


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""]
)
def test_choosing_a_theme_leads_nowhere_foreign(owner, elsewhere):
    answer = owner.client.post("/studio/theme/", {"theme": "dark", "next": elsewhere})

    assert answer.url == "/studio/identities/"


def test_one_workspace_needs_no_switch(owner):
    assert not owner.visit("/studio/keys/").all("button", name="workspace")


def test_a_member_of_two_workspaces_goes_from_one_to_the_other(
    owner, alice, workspace, other_workspace
):
    Membership.objects.create(workspace=other_workspace, user=alice, role="viewer")
    make_identity(workspace, "here")
    make_identity(other_workspace, "there")

    assert owner.visit("/studio/identities/").names == ["here"]
    owner.client.post("/studio/workspace/", {"workspace": other_workspace.public_id})

    page = owner.visit("/studio/identities/")
    assert page.names == ["there"]
    assert "Viewer" in page.text
    assert not page.all("a", href="/studio/identities/new/")


def test_a_workspace_one_is_not_in_cannot_be_chosen(owner, workspace, other_workspace):
    make_identity(workspace, "here")
    make_identity(other_workspace, "there")

    for wish in (other_workspace.public_id, "x", "\x00", "9" * 500):
        owner.client.post("/studio/workspace/", {"workspace": wish})
        assert owner.visit("/studio/identities/").names == ["here"]
