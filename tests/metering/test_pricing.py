"""Prices: the whole catalogue against its own library, the echo model, rounding."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from metering.pricing import (
    ECHO_PRICE,
    FlatPrice,
    Tokens,
    find_catalogue_price,
    find_context_window,
)
from orqstudio.lib.money import round_usd
from tests.make import utc

NOW = utc("2026-03-15T12:00")
MIXTURES = (
    Tokens(),
    Tokens(input=1),
    Tokens(output=1),
    Tokens(input=1000, output=500),
    Tokens(input=1000, cached=1000, output=1),
    Tokens(input=1234, cached=567, output=89, reasoning=12),
    Tokens(input=3_000_001, cached=1_500_000, output=400_003, reasoning=400_003),
)
"""The last is beyond every tier of long contexts."""


def catalogue():
    """(provider id, model) of everything the catalogue knows."""
    for provider in get_snapshot().providers:
        for model in provider.models:
            yield provider.id, model


def looked_up(provider_id, model_id):
    """The model that the library's own search finds; a few ids match no model."""
    try:
        return get_snapshot().find_provider_model(model_id, None, provider_id, None)[1]
    except LookupError:
        return None


def by_the_library(info, at, tokens):
    usage = Usage(
        input_tokens=tokens.input,
        cache_read_tokens=tokens.cached,
        output_tokens=tokens.output,
        output_reasoning_tokens=tokens.reasoning,
    )
    return round_usd(info.get_prices(at).calc_price(usage)["total_price"])


def test_every_model_of_the_catalogue_costs_what_its_library_says():
    """D1: cached tokens are paid once, at their own rate where there is one."""
    checked = 0
    for provider_id, model in catalogue():
        price = find_catalogue_price(provider_id, model.id, NOW)
        if price is None:
            continue
        info = looked_up(provider_id, model.id)
        for tokens in MIXTURES:
            expected = by_the_library(info, NOW, tokens)
            assert price.cost_usd(tokens) == expected, (provider_id, model.id, tokens)
        assert price.source.startswith(f"genai-prices:{provider_id}/"[:80])
        checked += 1

    assert checked > 1000


def test_most_models_have_the_cheap_flat_form():
    prices = [find_catalogue_price(p, m.id, NOW) for p, m in catalogue()]

    flat = [price for price in prices if isinstance(price, FlatPrice)]

    assert len(flat) > len(prices) / 2


def test_a_model_without_any_rate_has_no_price():
    """D4: a catalogue entry without token rates is unknown, not free."""
    rates = ("input_mtok", "cache_read_mtok", "output_mtok")
    bare = [
        (provider_id, model)
        for provider_id, model in catalogue()
        if all(getattr(model.get_prices(NOW), rate) is None for rate in rates)
    ]

    assert bare
    for provider_id, model in bare:
        if looked_up(provider_id, model.id) is model:
            assert find_catalogue_price(provider_id, model.id, NOW) is None


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "no-such-model"), ("no-such-provider", "gpt-4o"), ("openai", "")],
)
def test_an_unknown_model_has_no_price(provider, model):
    """D4: unknown is None, never $0."""
    assert find_catalogue_price(provider, model, NOW) is None
    assert find_context_window(provider, model) is None


def test_a_known_model_costs_its_published_rates():
    price = find_catalogue_price("openai", "gpt-4o-mini", NOW)

    cost_usd = price.cost_usd(Tokens(input=1_000_000, cached=400_000, output=100_000))

    # $0.15, $0.075 and $0.60 a million
    assert cost_usd == Decimal("0.09") + Decimal("0.03") + Decimal("0.06")
    assert price.source == "genai-prices:openai/gpt-4o-mini"


def dated_models():
    """Models whose price changes on a day, with the instants around the change."""
    for provider_id, model in catalogue():
        if isinstance(model.prices, list):
            for conditional in model.prices:
                day = getattr(conditional.constraint, "start_date", None)
                if day is not None:
                    yield provider_id, model, datetime(*day.timetuple()[:3], tzinfo=UTC)


def test_prices_are_those_of_the_day_of_the_call():
    """D9: prices are data with dates; yesterday's call keeps yesterday's price."""
    changed = 0
    tokens = Tokens(input=1_000_000, output=1_000_000)
    for provider_id, model, starts_at in dated_models():
        costs = []
        for at in (starts_at.replace(year=starts_at.year - 1), starts_at, NOW):
            price = find_catalogue_price(provider_id, model.id, at)
            if price is not None and looked_up(provider_id, model.id) is model:
                costs.append(price.cost_usd(tokens))
                assert costs[-1] == by_the_library(model, at, tokens)
        changed += len(set(costs)) > 1

    assert changed


def test_the_echo_model_has_a_fixed_price():
    tokens = Tokens(input=6, output=6)

    assert ECHO_PRICE.cost_usd(tokens) == Decimal("0.018")
    assert ECHO_PRICE.source == "orqstudio"
    assert ECHO_PRICE.cost_usd(Tokens(input=6, cached=6, output=6)) == Decimal("0.018")


def test_cached_tokens_are_part_of_the_input_and_reasoning_of_the_output():
    """D2: one normal form, so nothing is paid twice."""
    price = FlatPrice("custom", Decimal(10), Decimal(1), Decimal(20))

    cost_usd = price.cost_usd(Tokens(input=100, cached=40, output=50, reasoning=30))

    assert cost_usd == (Decimal(60) * 10 + Decimal(40) * 1 + Decimal(50) * 20) / 10**6
    assert Tokens(input=100, cached=40, output=50, reasoning=30).total == 150


@pytest.mark.parametrize(
    ("per_million", "expected"),
    [
        ("0.00005", "0"),  # 0.5 of the last place: to the even one
        ("0.00015", "0.0000000002"),
        ("0.00025", "0.0000000002"),
        ("0.00035", "0.0000000004"),
        ("0.000250001", "0.0000000003"),
    ],
)
def test_costs_are_rounded_half_even_once_at_the_tenth_decimal(per_million, expected):
    """D10: one rounding; sums are exact from there on."""
    rate = Decimal(per_million)
    price = FlatPrice("custom", rate, rate, rate)

    assert price.cost_usd(Tokens(input=1)) == Decimal(expected)


rates = st.tuples(*[st.decimals(0, 10_000, places=6)] * 3)
counts = st.tuples(*[st.integers(0, 10**7)] * 3)


@given(rates, counts)
def test_flat_costs_are_within_half_a_step_of_the_exact_product(per_million, used):
    fresh, cached, output = used
    price = FlatPrice("custom", *per_million)

    cost_usd = price.cost_usd(Tokens(fresh + cached, cached, output))

    exact = sum(rate * count for rate, count in zip(per_million, used, strict=True))
    assert abs(cost_usd * 10**6 - exact) <= Decimal("0.00005")
    assert cost_usd.as_tuple().exponent == -10


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_estimate_of_a_call_is_never_below_its_cost(fresh, cached, output):
    """D6: held is the dearest the tokens can be, for every flat price on the list."""
    tokens = Tokens(fresh + cached, cached, output)
    price = find_catalogue_price("openai", "gpt-4o", NOW)

    worst = price.cost_usd(Tokens(input=tokens.input, output=tokens.output))

    assert worst >= price.cost_usd(tokens)
