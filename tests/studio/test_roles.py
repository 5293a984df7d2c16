"""Who may do what: refused by the server, and not offered on the page."""

from __future__ import annotations

import pytest
from django.test import Client

from identities.models import ApiKey, Identity
from metering.models import Budget
from tests.make import make_budget, make_identity, make_key, make_user
from tests.studio.conftest import Visitor

LIMITS = {"period": "daily", "amount_usd": "1", "mode": "hard", "time_zone": "UTC"}


@pytest.fixture
def paths(workspace):
    """Every address that changes something, by what it needs."""
    identity = make_identity(workspace, "user_1")
    free = make_identity(workspace, "user_2")
    budget = make_budget(workspace, "user_1")
    make_key(workspace)
    key = ApiKey.objects.get()
    mine = f"/studio/identities/{identity.public_id}/"
    without_budget = f"/studio/identities/{free.public_id}/"
    return {
        "edit": [
            "/studio/identities/new/",
            f"{mine}edit/",
            f"{without_budget}delete/",
        ],
        "manage": [
            f"{mine}delete/",
            f"{mine}budget/",
            "/studio/budgets/workspace/",
            f"/studio/budgets/{budget.public_id}/",
            f"/studio/budgets/{budget.public_id}/reset/",
            f"/studio/budgets/{budget.public_id}/remove/",
            "/studio/keys/new/",
            f"/studio/keys/{key.public_id}/revoke/",
        ],
        "view": [
            "/studio/identities/",
            mine,
            "/studio/budgets/",
            "/studio/budgets/preview/",
            "/studio/keys/",
        ],
    }


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("owner", {"view", "edit", "manage"}),
        ("admin", {"view", "edit", "manage"}),
        ("developer", {"view", "edit"}),
        ("viewer", {"view"}),
    ],
)
def test_a_role_opens_what_it_may_and_nothing_else(workspace, paths, role, allowed):
    person = Visitor(make_user("erin", workspace, role=role))

    for needed, group in paths.items():
        for path in group:
            status = 200 if needed in allowed else 403
            assert person.client.get(path).status_code == status, path
            if status == 403:
                assert person.client.post(path, LIMITS).status_code == 403, path


def test_nothing_changed_by_what_was_refused(viewer, paths):
    for path in [*paths["edit"], *paths["manage"]]:
        viewer.send(path, {**LIMITS, "confirm": "user_1"}, status=403)

    assert (Identity.objects.count(), Budget.objects.count()) == (2, 1)
    assert ApiKey.objects.get().revoked_at is None


@pytest.mark.parametrize("role", ["developer", "viewer"])
def test_a_page_offers_only_what_the_role_may(workspace, paths, role):
    person = Visitor(make_user("erin", workspace, role=role))
    refused = paths["manage"] + (paths["edit"] if role == "viewer" else [])

    for path in paths["view"][:3] + paths["view"][4:]:
        hrefs = {each["href"] for each in person.visit(path).all("a")}
        assert not hrefs & set(refused), path


def test_a_developer_deletes_identities_but_lifts_no_budget(workspace, developer):
    limited = make_identity(workspace, "limited")
    make_budget(workspace, "limited")
    free = make_identity(workspace, "free")

    def delete(identity, status):
        path = f"/studio/identities/{identity.public_id}/delete/"
        return developer.send(path, {"confirm": identity.external_id}, status=status)

    delete(limited, 403)
    delete(free, 302)

    assert Identity.objects.get() == limited
    assert Budget.objects.count() == 1


def test_a_developer_creates_identities_without_a_budget(developer):
    assert not developer.visit("/studio/identities/new/").all("input", role="switch")

    developer.send(
        "/studio/identities/new/",
        {"external_id": "a", "with_budget": "on", **LIMITS},
        status=302,
    )

    assert Identity.objects.count() == 1
    assert not Budget.objects.exists()


def test_a_person_without_a_workspace_is_told_so(db, django_user_model):
    person = Visitor(django_user_model.objects.create_user("nobody"))

    page = person.visit("/studio/identities/", status=403)

    assert "belong to no workspace" in page.text


def test_a_form_without_its_token_is_refused(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert (
        client.post("/studio/identities/new/", {"external_id": "a"}).status_code == 403
    )
    assert not Identity.objects.exists()


@pytest.mark.parametrize(
    "path", ["/studio/identities/", "/studio/budgets/", "/studio/keys/"]
)
def test_lists_only_answer_reads(owner, path):
    assert owner.client.post(path).status_code == 405
    assert owner.client.delete(path).status_code == 405
