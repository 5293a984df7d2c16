"""The OpenAI client, unmodified, on /v3/router with the identity's header."""

from __future__ import annotations

import openai
import pytest

pytestmark = [pytest.mark.contract, pytest.mark.slow]

CHAT = "/v3/router/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


def chat(client, user, **facts):
    """Ask the echo for an identity."""
    return client.chat.completions.create(
        model="orq/echo",
        messages=HELLO,
        extra_headers={"X-ORQ-IDENTITY-ID": user},
        **facts,
    )


def test_a_chat_completion_is_answered_and_counted(openai_client, orq, user):
    orq.identities.create(external_id=user)

    answer = chat(openai_client, user)

    assert answer.choices[0].message.content == "Hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 4
    metrics = orq.identities.retrieve(id=user, include_metrics=True).identity.metrics
    assert (metrics.total_requests, metrics.total_cost) == (1, 0.006)


def test_a_used_up_budget_is_a_rate_limit_error_after_one_attempt(
    openai_client, orq, proxy, user
):
    """Left to itself this client tries three times; `x-should-retry` stops it."""
    assert openai_client.max_retries == 2
    orq.budgets.create(
        scope={"identity": {"identity_external_id": user}},
        limits={"period": "BUDGET_PERIOD_MONTHLY", "amount": 0.006},
    )
    chat(openai_client, user)

    with pytest.raises(openai.RateLimitError) as raised:
        chat(openai_client, user)

    error = raised.value
    assert proxy.statuses(CHAT) == [200, 429]
    assert error.status_code == 429
    assert error.code == "cost_budget_exceeded"
    assert error.type == "rate_limit_error"
    assert error.body["scope_kind"] == "IDENTITY"
    assert error.body["scope_target_id"] == user
    assert error.body["dimension"] == "cost"
    details = error.body["details"]
    assert (details["limit"], details["settled"], details["held"]) == (0.006, 0.006, 0)
    assert details["resets_at"].endswith("-01T00:00:00.000Z")


def test_a_wrong_key_and_a_wrong_body_are_its_own_errors(openai_client, user):
    with pytest.raises(openai.AuthenticationError):
        chat(openai_client.with_options(api_key="sk-wrong"), user)
    with pytest.raises(openai.BadRequestError) as raised:
        chat(openai_client, user, stream=True)

    assert "stream" in raised.value.body["message"].lower()
