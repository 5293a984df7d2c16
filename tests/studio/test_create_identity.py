"""The panel *Create an Identity*: the record, and its budget with it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from identities.models import Identity
from metering.models import Budget
from tests.make import make_budget, make_event, make_identity

NEW = "/studio/identities/new/"
FULL = {
    "external_id": "user_12345",
    "display_name": "Jane Smith",
    "email": "jane@example.com",
    "avatar_url": "https://example.com/jane.jpg",
    "tags": "premium, beta-user, premium,",
    "metadata": '{"department": "Engineering"}',
}


def test_the_panel_asks_for_what_the_seed_page_shows(owner):
    page = owner.visit(NEW)

    labels = [each.text for each in page.all("label", class_="field__label")]
    assert labels[:3] == ["External ID", "Display name optional", "Email optional"]
    assert page.one("input", role="switch")["name"] == "with_budget"
    periods = [each.text for each in page.all("option")]
    assert periods == ["Daily", "Weekly", "Monthly", "Yearly", "One-time"]
    assert page.one("input", name="amount_usd")["value"] == "10.00"
    assert "Create an Identity" in page.text


def test_an_identity_is_created_with_all_it_may_have(owner, workspace):
    answer = owner.send(NEW, FULL, status=302)

    made = Identity.objects.get()
    assert answer.url == f"/studio/identities/{made.public_id}/"
    assert made.workspace == workspace
    assert made.external_id == "user_12345"
    assert made.tags == ["premium", "beta-user"]
    assert made.metadata == {"department": "Engineering"}
    assert made.source == "studio"
    assert not Budget.objects.exists()


def test_the_next_page_says_that_it_was_created(owner):
    address = owner.send(NEW, {"external_id": "user_1"}, status=302).url

    assert "user_1 was created." in owner.visit(address).text


def test_with_the_switch_on_the_budget_comes_too(owner):
    owner.send(
        NEW,
        {**FULL, "with_budget": "on", "period": "weekly", "amount_usd": "12.50"},
        status=302,
    )

    budget = Budget.objects.get()
    assert (budget.scope_kind, budget.scope_target) == ("identity", "user_12345")
    assert (budget.period, budget.amount_usd) == ("weekly", Decimal("12.5"))
    assert budget.mode == "hard"


def test_with_the_switch_off_a_wrong_amount_does_not_matter(owner):
    owner.send(NEW, {"external_id": "a", "period": "x", "amount_usd": "-1"}, status=302)

    assert not Budget.objects.exists()


def test_a_budget_that_waits_for_the_id_already_keeps_both_away(owner, workspace):
    make_budget(workspace, "user_1")

    page = owner.send(
        NEW,
        {
            "external_id": "user_1",
            "with_budget": "on",
            "period": "daily",
            "amount_usd": "1",
        },
        status=422,
    )

    assert "A budget for identity user_1 exists already." in page.text
    assert not Identity.objects.exists()


def test_by_htmx_the_panel_closes_and_a_toast_names_it(owner):
    answer = owner.send(NEW, {"external_id": "user_1"}, status=204, htmx=True)

    events = json.loads(answer["HX-Trigger"])
    address = f"/studio/identities/{Identity.objects.get().public_id}/"
    assert events["studio:toast"] == {
        "text": "user_1 was created.",
        "label": "View",
        "href": address,
    }
    assert events["studio:close"]
    assert events["studio:refresh"]


def test_by_htmx_the_panel_is_a_fragment(owner):
    page = owner.visit(NEW, htmx=True)

    assert not page.all("html")
    assert page.one("form")["hx-post"] == NEW


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("external_id", "", "This field is required."),
        ("external_id", "x" * 121, "at most 120 characters"),
        ("external_id", "a\x00b", "Null characters are not allowed."),
        ("email", "nobody", "Enter a valid email address."),
        ("avatar_url", "javascript:alert(1)", "Begin with http:// or https://."),
        ("avatar_url", "http://[", "Begin with http:// or https://."),
        ("tags", "x" * 121, "at most 120 characters"),
        ("tags", ",".join(map(str, range(51))), "at most 50 tags"),
        ("metadata", "{", "This is not valid JSON."),
        ("metadata", "[" * 60_000, "This is not valid JSON."),
        ("metadata", "[1]", "This must be a JSON object"),
        ("metadata", '{"a": NaN}', "This is not valid JSON."),
        ("metadata", '{"a": "\\u0000"}', "Null characters cannot be kept."),
    ],
)
def test_a_wrong_field_is_marked_and_told(owner, field, value, says):
    page = owner.send(NEW, {**FULL, field: value}, status=422)

    control = next(each for each in page.elements if each.get("name") == field)
    assert control["aria-invalid"] == "true"
    assert says in page.one("div", role="alert").text
    assert says in page.one("p", id=f"id_{field}_error").text
    assert f"id_{field}_error" in control["aria-describedby"]
    assert not Identity.objects.exists()


@pytest.mark.parametrize("amount", ["-0.01", "abc", "1e400", "99999999999", "NaN", ""])
def test_a_wrong_amount_is_told_and_what_was_typed_stays(owner, amount):
    page = owner.send(
        NEW,
        {**FULL, "with_budget": "on", "period": "monthly", "amount_usd": amount},
        status=422,
    )

    assert "Amount (USD)" in page.one("div", role="alert").text
    assert page.one("input", name="display_name")["value"] == "Jane Smith"
    assert "checked" in page.one("input", role="switch").attributes
    assert not Identity.objects.exists()


def test_a_taken_id_leads_to_the_record_that_has_it(owner, workspace):
    taken = make_identity(workspace, "user_12345", display_name="First Jane")

    page = owner.send(NEW, FULL, status=422)

    assert "An identity with external_id user_12345 exists already." in page.text
    link = page.one("a", href=f"/studio/identities/{taken.public_id}/")
    assert link.text == "Open First Jane"


def test_the_same_id_in_another_workspace_is_free(owner, other_workspace):
    make_identity(other_workspace, "user_12345")

    owner.send(NEW, FULL, status=302)


def test_usage_that_came_before_the_record_is_there_at_once(owner, workspace):
    make_event(workspace, "user_12345", cost_usd="3")

    address = owner.send(NEW, FULL, status=302).url

    assert owner.visit(address).figures["Cost"] == "$3.00"


def test_the_form_takes_an_id_from_the_address(owner):
    page = owner.visit(f"{NEW}?external_id=stray%2F1")

    assert page.one("input", name="external_id")["value"] == "stray/1"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("period=daily&amount_usd=2", "after $2.00 in a day. Resets 16 Mar 2026 00:00"),
        ("period=monthly&amount_usd=0.05", "after $0.05 in a month."),
        (
            "period=yearly&amount_usd=1000",
            "after $1,000.00 in a year. Resets 1 Jan 2027",
        ),
        ("period=one_time&amount_usd=1", "after $1.00 in all. It never resets"),
        (
            "period=monthly&amount_usd=1&mode=shadow&time_zone=Europe/Amsterdam",
            "Nothing is refused; use over $1.00 in a month is marked. "
            "Resets 31 Mar 2026 22:00 UTC.",
        ),
        (
            "period=daily&amount_usd=&token_limit=5000&mode=hard&time_zone=UTC",
            "after 5,000 tokens in a day.",
        ),
        ("period=daily&amount_usd=-2", ""),
        ("period=hourly&amount_usd=1", ""),
        ("", ""),
    ],
)
def test_a_sentence_restates_the_budget(owner, clock, query, says):
    answer = owner.client.get(f"/studio/budgets/preview/?{query}")

    text = answer.content.decode()
    assert says in text if says else text == ""
