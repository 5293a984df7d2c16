"""The worst a call can cost: answers asked for, media, sound."""

from __future__ import annotations

from decimal import Decimal

import pytest

from metering.gateway.catalog import Provider, Route, bound_media_tokens
from metering.gateway.requests import chat_prompt
from metering.gateway.usage import read_usage
from metering.pricing import Tokens, find_catalogue_price, worst_cost_usd
from tests.make import utc

NOON = utc("2026-11-22T12:00")
ROUTE = Route(Provider("openai", "openai", "", ""), "gpt-4o")


def prompt_of(**body):
    messages = [{"role": "user", "content": body.pop("content", "hi")}]
    return chat_prompt({"model": "openai/gpt-4o", "messages": messages, **body}, ROUTE)


def test_every_answer_asked_for_can_reach_the_bound():
    assert prompt_of(n=128).answers == 128
    assert prompt_of(max_tokens=10).answers == 1
    assert prompt_of(max_tokens=10).output_bound == 10


@pytest.mark.parametrize(
    ("content", "has_media"),
    [
        ("hi", False),
        ([{"type": "text", "text": "hi"}], False),
        ([{"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}], True),
        ([{"type": "file", "file": {"file_id": "f"}}], True),
    ],
)
def test_a_link_can_stand_for_more_than_its_bytes(content, has_media):
    assert prompt_of(content=content).has_media is has_media


def test_the_window_of_the_model_bounds_media():
    unknown = Route(ROUTE.provider, "nobody-knows-it")
    assert bound_media_tokens(ROUTE) == 128_000
    assert bound_media_tokens(unknown) == 131_072


def test_sound_is_read_and_costs_its_own_rate():
    """D1: gpt-audio costs 2.50 and 10 dollars a million as text, 32 and 64 as sound."""
    tokens = read_usage(
        {
            "usage": {
                "prompt_tokens": 1000,
                "completion_tokens": 1000,
                "prompt_tokens_details": {"audio_tokens": 1000},
                "completion_tokens_details": {"audio_tokens": 1000},
            }
        }
    )
    price = find_catalogue_price("openai", "gpt-audio", NOON)
    assert price.cost_usd(tokens) == Decimal("0.096")
    assert price.cost_usd(Tokens(input=1000, output=1000)) == Decimal("0.0125")


@pytest.mark.parametrize("model", ["gpt-audio", "gpt-4o", "gpt-4o-mini"])
def test_the_estimate_is_the_dearer_of_text_and_sound(model):
    price = find_catalogue_price("openai", model, NOON)
    text = Tokens(input=1000, output=1000)
    sound = Tokens(input=1000, output=1000, audio_input=1000, audio_output=1000)
    worst = worst_cost_usd(price, text)
    assert worst == max(price.cost_usd(text), price.cost_usd(sound))
