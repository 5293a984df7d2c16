"""Budgets of every kind in the Studio: creating, listing, changing, rates."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from identities.models import ApiKey
from metering.models import Budget
from tests.make import (
    make_budget,
    make_event,
    make_identity,
    make_key,
    make_match_budget,
)

NEW = "/studio/budgets/new/"
FORM = {
    "period": "monthly",
    "amount_usd": "10",
    "mode": "hard",
    "time_zone": "UTC",
    "is_active": "on",
}


@pytest.fixture
def key(workspace):
    make_key(workspace, name="Billing service")
    return ApiKey.objects.get(name="Billing service")


@pytest.fixture
def targets(key):
    """Kind -> the field that names the target, and what to write there."""
    return {
        "workspace": ("target_identity", "ignored"),
        "identity": ("target_identity", "user_1"),
        "project": ("target_project", "apollo"),
        "api_key": ("target_api_key", key.public_id),
        "provider": ("target_provider", "openai"),
        "model": ("target_model", "openai/gpt-4o"),
        "match": ("match_cel", 'metadata.tier == "free"'),
    }


KINDS = ["workspace", "identity", "project", "api_key", "provider", "model", "match"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_budget_of_every_kind_can_be_created(owner, targets, kind):
    name, value = targets[kind]
    form = {
        **FORM,
        "scope_kind": kind,
        name: value,
        "token_limit": "5000",
        "requests_per_minute": "60",
        "mode": "strict",
        "time_zone": "Asia/Tokyo",
    }

    answer = owner.send(NEW, form, status=302)

    assert answer.url == "/studio/budgets/"
    budget = Budget.objects.get()
    assert budget.scope_kind == kind
    expected = {"workspace": "", "match": budget.public_id}.get(kind, value)
    assert budget.scope_target == expected
    assert budget.match_cel == (value if kind == "match" else "")
    limits = (budget.amount_usd, budget.token_limit, budget.requests_per_minute)
    assert limits == (10, 5000, 60)
    assert (budget.mode, budget.time_zone) == ("strict", "Asia/Tokyo")


def test_only_the_target_of_the_chosen_kind_counts(owner, targets):
    everything = dict(targets.values())

    owner.send(NEW, {**FORM, **everything, "scope_kind": "model"}, status=302)

    budget = Budget.objects.get()
    assert (budget.scope_target, budget.match_cel) == ("openai/gpt-4o", "")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "workspace"])
def test_a_kind_without_its_target_is_told(owner, kind):
    page = owner.send(NEW, {**FORM, "scope_kind": kind}, status=422)

    assert "Say what the budget is for." in page.one("div", role="alert").text
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scope_kind": "team"}, "Select a valid choice"),
        ({"scope_kind": "model", "target_model": "gpt-4o"}, "provider/model"),
        ({"scope_kind": "match", "match_cel": "identity =="}, "cannot be parsed"),
        ({"scope_kind": "provider", "target_provider": "x"}, "Select a valid choice"),
        ({"scope_kind": "api_key", "target_api_key": "x"}, "Select a valid choice"),
        ({"scope_kind": "workspace", "amount_usd": ""}, "Set a limit."),
        ({"scope_kind": "workspace", "requests_per_minute": "0"}, "greater than or"),
    ],
)
def test_a_wrong_budget_is_told(owner, workspace, wrong, said):
    page = owner.send(NEW, {**FORM, **wrong}, status=422)

    assert said in page.one("div", role="alert").text
    assert not Budget.objects.exists()


def test_a_second_budget_of_a_target_is_told(owner, workspace):
    make_budget(workspace, "apollo", scope_kind="project")
    form = {**FORM, "scope_kind": "project", "target_project": "apollo"}

    page = owner.send(NEW, form, status=422)

    assert "exists already" in page.one("div", role="alert").text


def test_keys_and_providers_of_the_workspace_are_offered(
    owner, key, other_workspace, workspace
):
    make_key(other_workspace, name="Charlie's")
    ApiKey.objects.create(
        workspace=workspace,
        name="gone",
        revoked_at=timezone.now(),
        deleted_at=timezone.now(),
    )

    page = owner.visit(NEW)

    offered = {option.text for option in page.all("option")}
    assert str(key) in offered
    assert {"orq", "openai"} <= offered
    assert not [text for text in offered if "Charlie" in text or "gone" in text]


def test_a_rate_alone_is_a_limit(owner):
    form = {**FORM, "amount_usd": "", "requests_per_minute": "2"}

    owner.send(NEW, {**form, "scope_kind": "workspace"}, status=302)

    budget = Budget.objects.get()
    assert (budget.amount_usd, budget.requests_per_minute) == (None, 2)


@pytest.mark.parametrize("person", ["developer", "viewer"])
def test_only_who_manages_creates_budgets(request, person, workspace):
    visitor = request.getfixturevalue(person)

    visitor.visit(NEW, status=403)
    visitor.send(NEW, {**FORM, "scope_kind": "workspace"}, status=403)

    assert not visitor.visit("/studio/budgets/").all("a", href=NEW)
    assert not Budget.objects.exists()


def test_the_list_names_every_kind_and_its_limits(owner, workspace, targets, key):
    for kind, (_, value) in targets.items():
        limits = {"token_limit": 5000, "requests_per_minute": 60}
        if kind == "match":
            make_match_budget(workspace, value, **limits)
        else:
            target = "" if kind == "workspace" else value
            make_budget(workspace, target, scope_kind=kind, **limits)

    page = owner.visit("/studio/budgets/")

    for text in (
        "Whole workspace",
        "No record yet user_1",
        "Project apollo",
        f"API key {key}",
        "Provider openai",
        "Model openai/gpt-4o",
        'Expression metadata.tier == "free"',
        "$10.00 · 5k tokens · 60/min",
    ):
        assert text in page.text
    names = {link.get("aria-label") for link in page.all("a")}
    assert f"Edit budget of {key}" in names
    assert 'Remove budget of metadata.tier == "free"' in names


@pytest.fixture
def calls(workspace):
    """Three calls of user_1: two in the last minute, one before."""
    for seconds in (5, 20, 90):
        at = timezone.now() - timedelta(seconds=seconds)
        make_event(workspace, "user_1", occurred_at=at, cost_usd=1)


def test_the_bar_shows_the_limit_that_binds(owner, workspace, calls):
    make_budget(workspace, "user_1", requests_per_minute=8)
    assert "$3.00 / $10.00 30%" in owner.visit("/studio/budgets/").text

    Budget.objects.update(requests_per_minute=4)
    assert "2 / 4/min 50%" in owner.visit("/studio/budgets/").text

    Budget.objects.update(token_limit=500)
    assert "450 / 500 tokens 90% · near limit" in owner.visit("/studio/budgets/").text


def test_an_identity_shows_its_rate_and_all_limits(owner, workspace, calls):
    jane = make_identity(workspace, "user_1")
    make_budget(workspace, "user_1", requests_per_minute=2)

    text = owner.visit(f"/studio/identities/{jane.public_id}/").text

    assert "$3.00 of $10.00 used (30%)" in text
    assert "2 of 2 requests in the last minute" in text
    assert "2 / 2/min 100% · blocked" in owner.visit("/studio/identities/").text


def test_a_reset_clears_the_minute(owner, workspace, calls):
    budget = make_budget(workspace, "user_1", amount_usd=None, requests_per_minute=4)

    owner.send(f"/studio/budgets/{budget.public_id}/reset/", status=302)

    assert "0 / 4/min 0%" in owner.visit("/studio/budgets/").text


@pytest.mark.parametrize("kind", KINDS)
def test_a_budget_of_every_kind_can_be_changed_and_removed(
    owner, workspace, targets, kind
):
    _, value = targets[kind]
    if kind == "match":
        budget = make_match_budget(workspace, value)
    else:
        target = "" if kind == "workspace" else value
        budget = make_budget(workspace, target, scope_kind=kind)
    path = f"/studio/budgets/{budget.public_id}/"
    form = {**FORM, "amount_usd": "7", "requests_per_minute": "9"}

    page = owner.visit(path)
    assert bool(page.all("textarea", name="match_cel")) is (kind == "match")
    owner.send(path, {**form, "match_cel": "true"}, status=302)

    budget.refresh_from_db()
    assert (budget.amount_usd, budget.requests_per_minute) == (Decimal(7), 9)
    assert budget.match_cel == ("true" if kind == "match" else "")
    assert owner.visit(f"{path}reset/").text
    owner.send(f"{path}remove/", status=302)
    assert not Budget.objects.exists()


def test_an_expression_that_cannot_be_used_is_told(owner, workspace):
    budget = make_match_budget(workspace, "true")
    path = f"/studio/budgets/{budget.public_id}/"

    for cel in ("", "identity", "nobody == 1"):
        page = owner.send(path, {**FORM, "match_cel": cel}, status=422)
        assert "match.cel" in page.one("div", role="alert").text

    budget.refresh_from_db()
    assert budget.match_cel == "true"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"amount_usd": "10", "requests_per_minute": "60"},
            "Requests are blocked with 429 after $10.00 in a month, or 60 requests in "
            "any 60 seconds. Resets ",
        ),
        (
            {"amount_usd": "", "requests_per_minute": "1200"},
            "Requests are blocked with 429 after 1,200 requests in any 60 seconds.",
        ),
    ],
)
def test_the_sentence_restates_the_rate(owner, asked, said):
    query = "&".join(f"{name}={value}" for name, value in {**FORM, **asked}.items())

    answer = owner.client.get(f"/studio/budgets/preview/?{query}")

    assert answer.content.decode().startswith(said)
