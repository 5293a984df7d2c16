"""Setting, changing, resetting and removing budgets; the page that lists them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from metering.models import Budget
from metering.services import delete_budget
from tests.make import make_budget, make_event, make_identity

LIMITS = {
    "period": "monthly",
    "amount_usd": "10",
    "mode": "hard",
    "time_zone": "UTC",
    "is_active": "on",
}


@pytest.fixture
def jane(workspace):
    return make_identity(workspace, "user_1", display_name="Jane Doe")


def test_a_budget_is_set_on_an_identity(owner, jane):
    path = f"/studio/identities/{jane.public_id}/budget/"

    assert "Set a budget" in owner.visit(path).text
    answer = owner.send(path, {**LIMITS, "token_limit": "5000"}, status=302)

    budget = Budget.objects.get()
    assert answer.url == f"/studio/identities/{jane.public_id}/"
    assert (budget.scope_target, budget.amount_usd) == ("user_1", 10)
    assert (budget.token_limit, budget.is_active) == (5000, True)


def test_a_budget_is_changed_where_it_was_set(owner, jane, workspace):
    make_budget(workspace, "user_1", amount_usd=Decimal("0.5"))
    path = f"/studio/identities/{jane.public_id}/budget/"

    page = owner.visit(path)
    assert page.one("input", name="amount_usd")["value"] == "0.5"
    owner.send(
        path, {**LIMITS, "period": "daily", "time_zone": "Asia/Tokyo"}, status=302
    )

    budget = Budget.objects.get()
    assert (budget.period, budget.time_zone) == ("daily", "Asia/Tokyo")


def test_a_token_budget_needs_no_amount(owner, jane):
    path = f"/studio/identities/{jane.public_id}/budget/"

    owner.send(path, {**LIMITS, "amount_usd": "", "token_limit": "100"}, status=302)

    assert Budget.objects.get().amount_usd is None
    assert "100 tokens" in owner.visit(f"/studio/identities/{jane.public_id}/").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_usd": ""},
        {"amount_usd": "-1"},
        {"amount_usd": "1e11"},
        {"amount_usd": "0.00000000001"},
        {"token_limit": "-1"},
        {"token_limit": "1.5"},
        {"token_limit": "9" * 30},
        {"period": "hourly"},
        {"mode": "soft"},
        {"time_zone": "Mars/Olympus"},
    ],
)
def test_a_wrong_limit_is_told(owner, jane, wrong):
    path = f"/studio/identities/{jane.public_id}/budget/"

    page = owner.send(path, {**LIMITS, **wrong}, status=422)

    assert page.one("div", role="alert")
    assert not Budget.objects.exists()


def test_a_limit_of_zero_blocks_at_once(owner, jane):
    path = f"/studio/identities/{jane.public_id}/budget/"

    owner.send(path, {**LIMITS, "amount_usd": "0"}, status=302)

    assert "Blocked." in owner.visit(f"/studio/identities/{jane.public_id}/").text


def test_the_workspace_can_have_a_budget(owner, workspace):
    owner.send("/studio/budgets/workspace/", LIMITS, status=302)

    assert Budget.objects.get().scope_kind == "workspace"
    page = owner.visit("/studio/budgets/")
    assert "Whole workspace" in page.text
    assert not page.all("a", href="/studio/budgets/workspace/")


def test_reset_asks_naming_the_amount_and_then_begins_at_zero(owner, jane, workspace):
    budget = make_budget(workspace, "user_1", amount_usd=Decimal(1))
    make_event(workspace, "user_1", cost_usd="1.25")
    path = f"/studio/budgets/{budget.public_id}/reset/"

    assert "The $1.25 used in this period no longer count" in owner.visit(path).text
    owner.send(path, status=302)

    page = owner.visit(f"/studio/identities/{jane.public_id}/")
    assert "$0 of $1.00 used (0%)" in page.text
    assert page.figures["Cost"] == "$1.25"
    budget.refresh_from_db()
    assert budget.reset_at <= timezone.now()


def test_a_budget_is_removed(owner, jane, workspace):
    budget = make_budget(workspace, "user_1")

    owner.send(f"/studio/budgets/{budget.public_id}/remove/", status=302)

    assert not Budget.objects.exists()


@pytest.mark.parametrize("suffix", ["", "reset/", "remove/"])
def test_a_foreign_or_unknown_budget_is_a_404(owner, other_workspace, suffix):
    theirs = make_budget(other_workspace, "user_1")

    for public_id in (theirs.public_id, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "%00"):
        owner.visit(f"/studio/budgets/{public_id}/{suffix}", status=404)
        owner.send(f"/studio/budgets/{public_id}/{suffix}", LIMITS, status=404)
    assert Budget.objects.count() == 1


def test_a_budget_removed_by_another_tab_is_a_404(owner, workspace):
    budget = make_budget(workspace, "user_1")
    delete_budget(budget=budget)

    owner.send(f"/studio/budgets/{budget.public_id}/", LIMITS, status=404)


def test_the_fullest_budget_comes_first_and_those_off_last(owner, workspace):
    for name, spent in (("low", "1"), ("full", "11"), ("half", "5"), ("off", "20")):
        make_identity(workspace, name)
        make_budget(workspace, name, is_active=name != "off")
        make_event(workspace, name, cost_usd=spent)

    page = owner.visit("/studio/budgets/")

    assert page.names == ["full", "half", "low", "off"]
    assert "1 blocked" in page.text


def test_a_budget_without_a_record_is_listed_by_its_id(owner, workspace):
    make_budget(workspace, "nobody_yet")

    text = owner.visit("/studio/budgets/").text

    assert "No record yet nobody_yet" in text


def test_another_workspace_has_its_own_list(owner, other_workspace):
    make_budget(other_workspace, "theirs")

    assert "No budgets yet" in owner.visit("/studio/budgets/").text


def test_the_list_pages_and_forgives_a_wrong_page(owner, workspace):
    for number in range(60):
        make_budget(workspace, f"user_{number}")

    assert "1–50 / 60" in owner.visit("/studio/budgets/?page=x").text
    assert "51–60 / 60" in owner.visit("/studio/budgets/?page=99").text
