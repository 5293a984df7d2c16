"""What a call costs: catalogue, own prices, usage as providers tell it, unknown."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from metering.models.routing import PRICE_MOST
from metering.pricing import Tokens, find_catalogue_price
from tests.gateway.client import HELLO, require_envelope
from tests.make import make_budget
from tests.serving import wait_for

pytestmark = [pytest.mark.race, pytest.mark.slow]


def last(facts, workspace):
    """The last event."""
    return facts.events(workspace)[-1]


def test_a_known_model_costs_what_the_catalogue_says(client, acme, facts):
    client.chat("openai/gpt-4o-mini")

    event = last(facts, acme)
    price = find_catalogue_price("openai", "gpt-4o-mini", event["occurred_at"])
    assert event["cost_usd"] == price.cost_usd(Tokens(input=100, output=50))
    assert event["price_source"] == "genai-prices:openai/gpt-4o-mini"


def test_a_price_of_the_workspaces_own_wins(client, acme, facts, price):
    """D5: the number in the row and in the sums is one number."""
    price("gpt-4o-mini", 1000, 2000)

    client.chat("openai/gpt-4o-mini")

    event = last(facts, acme)
    assert event["cost_usd"] == Decimal("0.2")
    assert event["price_source"] == "custom"
    (day,) = facts.days(acme)
    assert day["cost_usd"] == Decimal("0.2")


def test_a_price_of_ours_is_not_charlies(charlies_client, globex, facts, price):
    price("gpt-4o-mini", 1000, 2000)

    charlies_client.chat("openai/gpt-4o-mini")

    assert last(facts, globex)["price_source"] == "genai-prices:openai/gpt-4o-mini"


def test_cached_tokens_have_their_own_rate_where_there_is_one(
    client, acme, facts, price
):
    """D1: 100 tokens in, 40 of them cached; 50 out, 20 of them reasoning."""
    price("cached", 1000, 2000, cached=100)
    client.chat("openai/cached")
    event = last(facts, acme)

    assert event["cost_usd"] == Decimal("0.060") + Decimal("0.004") + Decimal("0.100")
    kinds = ("input", "cached", "output", "reasoning")
    assert [event[f"{kind}_tokens"] for kind in kinds] == [100, 40, 50, 20]


def test_without_a_cached_rate_they_cost_the_input_rate(client, acme, facts, price):
    price("cached", 1000, 2000)

    client.chat("openai/cached")

    assert last(facts, acme)["cost_usd"] == Decimal("0.2")


def test_a_price_holds_from_its_first_day_to_its_last(client, acme, facts, price):
    """D9: old and future prices lie beside the one that counts."""
    now = timezone.now()
    day = timedelta(days=1)
    price("ok", 1, 1, valid_from=now - 9 * day, valid_until=now - day)
    price("ok", 1000, 2000, valid_from=now - day)
    price("ok", 7, 7, valid_from=now + day)

    client.chat("openai/ok")

    assert last(facts, acme)["cost_usd"] == Decimal("0.2")


def test_a_price_of_zero_is_a_price(client, acme, facts, price):
    """A18: a free model passes a budget that is used up."""
    price("ok", 0, 0)
    make_budget(acme, "user_1", amount_usd=0)

    assert client.chat("openai/ok", "user_1").status == 200
    assert last(facts, acme)["cost_usd"] == 0


def test_no_tokens_told_is_an_estimate_and_says_so(client, acme, facts, price):
    price("no-usage", 1000, 2000)

    client.chat("openai/no-usage")

    event = last(facts, acme)
    assert event["is_estimated"]
    assert event["input_tokens"] > 0
    assert event["output_tokens"] == 1  # "Hi."
    assert event["cost_usd"] > 0


@pytest.mark.parametrize("model", ["mad-usage", "text-usage", "half-surrogate"])
def test_usage_that_cannot_be_is_taken_for_none(client, acme, facts, price, model):
    """C24, C25: neither absurd numbers nor texts break the row or the sum."""
    price(model, 1000, 2000)

    assert client.chat(f"openai/{model}").status == 200

    event = last(facts, acme)
    assert event["is_estimated"]
    assert event["status"] == "ok"
    assert facts.holds(acme) == []


def test_zero_tokens_told_are_zero_and_no_estimate(client, acme, facts, price):
    """C19: 0 is an answer, not a missing value."""
    price("zero-usage", 1000, 2000)

    client.chat("openai/zero-usage")

    event = last(facts, acme)
    assert not event["is_estimated"]
    assert (event["input_tokens"], event["cost_usd"]) == (0, 0)


def test_a_model_without_price_is_recorded_with_unknown_cost(client, acme, facts):
    """D4: without a budget in dollars it runs, and is never called free."""
    make_budget(acme, "user_1", amount_usd=None, token_limit=10**6)

    assert client.chat("openai/ok", "user_1").status == 200

    event = last(facts, acme)
    assert event["cost_usd"] is None
    assert event["price_source"] == "unknown"
    assert facts.days(acme)[0]["unpriced"] == 1


def test_under_a_budget_in_dollars_it_is_refused_with_its_name(client, acme, facts):
    """D4: unknown price: refuse, by default."""
    make_budget(acme, "user_1")

    answer = client.chat("openai/ok", "user_1")

    require_envelope(answer, 400, "unpriced_model")
    assert "openai/ok" in answer.body["message"]
    assert answer.error["scope_kind"] == "IDENTITY"
    assert facts.events(acme) == []
    assert facts.holds(acme) == []


def test_a_workspace_may_allow_it_and_the_row_is_flagged(client, acme, facts):
    budget = make_budget(acme, "user_1")
    acme.unpriced_model = "allow"
    acme.save()

    assert client.chat("openai/ok", "user_1").status == 200

    assert last(facts, acme)["cost_usd"] is None
    assert facts.refusals(budget) == {}


def test_the_echo_model_costs_its_fixed_price(client, acme, facts):
    client.chat(messages=[{"role": "user", "content": "x" * 41}])

    event = last(facts, acme)
    assert (event["input_tokens"], event["output_tokens"]) == (11, 11)
    assert event["cost_usd"] == Decimal("0.033")


@pytest.mark.parametrize("three", [3, 3.0])
def test_the_echo_model_obeys_max_tokens(client, acme, facts, three):
    messages = [{"role": "user", "content": "é" * 40}]
    answer = client.chat(messages=messages, max_tokens=three)

    (choice,) = answer.body["choices"]
    assert choice["message"]["content"] == "é" * 6
    assert choice["finish_reason"] == "length"
    assert last(facts, acme)["output_tokens"] == 3


@pytest.mark.parametrize(
    "bound",
    [
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 10}, 10),
        ({"max_completion_tokens": 1, "max_tokens": 10}, 10),
        ({"max_tokens": 10, "n": 3}, 30),
        ({}, 16_384),
    ],
)
def test_the_most_a_call_can_write_is_held_before_it_is_made(
    client, acme, facts, price, bound
):
    """A17, D6: a call without max_tokens is no error, it holds the bound."""
    asked, tokens = bound
    price("hang", 0, 1_000_000)
    make_budget(acme, "", amount_usd=10**6)
    caller = threading.Thread(target=client.chat, args=("openai/hang",), kwargs=asked)
    caller.start()

    (hold,) = wait_for(lambda: facts.holds(acme), "the call holds its money")

    assert hold["held_usd"] == tokens
    assert hold["held_tokens"] > tokens + len(HELLO[0]["content"])
    caller.join()


def test_the_dearest_price_that_can_be_set_still_has_a_cost(client, acme, facts, price):
    price("gpt-4o-mini", PRICE_MOST, PRICE_MOST)

    assert client.chat("openai/gpt-4o-mini", max_tokens=10_000_000).status == 200

    assert last(facts, acme)["cost_usd"] == Decimal(150)
