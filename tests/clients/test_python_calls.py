"""orq-ai-sdk for Python, unmodified: metered calls, the refusal, typed errors."""

from __future__ import annotations

import json

import pytest
from orq_ai_sdk import Orq, models

pytestmark = [pytest.mark.contract, pytest.mark.slow]

INVOKE = "/v2/deployments/invoke"
CHAT = "/v2/router/chat/completions"
HELLO = [{"role": "user", "content": "Hello"}]


def invoke(orq, user):
    """Call deployment `demo` for an identity."""
    return orq.deployments.invoke(
        key="demo",
        context={"environments": []},
        http_headers={"X-ORQ-IDENTITY-ID": user},
    )


def chat(orq, user):
    """Call the router for an identity."""
    return orq.router.chat.completions.create(
        model="orq/echo", messages=HELLO, http_headers={"X-ORQ-IDENTITY-ID": user}
    )


@pytest.fixture
def used_up(orq, user):
    """An identity whose budget of nothing refuses the first call."""
    limits = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 0}
    scope = {"identity": {"identity_external_id": user}}
    orq.budgets.create(scope=scope, limits=limits)
    return user


def test_an_invocation_answers_with_a_message_and_its_usage(orq, user):
    answer = invoke(orq, user)

    [choice] = answer.choices
    assert (answer.object, answer.is_final) == ("chat", True)
    assert (answer.provider, answer.model) == ("orq", "orq/echo")
    assert choice.message.type == "content"
    assert choice.message.content == "Hello from orqstudio."
    assert choice.finish_reason == "stop"
    assert answer.usage.prompt_tokens == 6
    assert answer.usage.completion_tokens == 6
    assert answer.telemetry.trace_id


def test_an_identity_in_the_body_is_created_and_counted(orq, user):
    identity = {
        "id": user,
        "display_name": "Jane",
        "metadata": [{"plan": "pro"}],
        "tags": ["new"],
    }

    orq.deployments.invoke(key="demo", identity=identity)

    found = orq.identities.retrieve(id=user, include_metrics=True).identity
    assert found.display_name == "Jane"
    assert found.metadata == {"plan": "pro"}
    assert found.tags == ["new"]
    assert found.metrics.total_requests == 1


def test_a_chat_completion_is_counted_for_the_header(orq, user):
    orq.identities.create(external_id=user)

    answer = chat(orq, user)

    [choice] = answer.choices
    assert answer.object == "chat.completion"
    assert (choice.message.role, choice.message.content) == ("assistant", "Hello")
    assert answer.usage.total_tokens == 4
    found = orq.identities.retrieve(id=user, include_metrics=True).identity
    assert found.metrics.total_tokens == 4
    assert found.metrics.total_cost == 0.006


def test_the_call_after_the_limit_is_refused(orq, user):
    limits = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 0.05}
    scope = {"identity": {"identity_external_id": user}}
    orq.budgets.create(scope=scope, limits=limits)

    for _ in range(3):
        invoke(orq, user)
    with pytest.raises(models.APIDefaultError) as raised:
        invoke(orq, user)

    body = json.loads(raised.value.body)
    assert raised.value.status_code == 429
    assert body["code"] == 8
    assert body["error"]["code"] == "cost_budget_exceeded"
    assert body["error"]["type"] == "rate_limit_error"
    assert body["error"]["scope_kind"] == "IDENTITY"
    assert body["error"]["scope_target_id"] == user
    assert body["details"]["limit"] == 0.05
    assert body["details"]["settled"] == 0.054
    assert body["details"]["held"] == 0
    assert raised.value.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(("call", "path"), [(invoke, INVOKE), (chat, CHAT)])
def test_a_refusal_is_asked_for_once(orq, proxy, used_up, call, path):
    with pytest.raises(models.APIDefaultError) as raised:
        call(orq, used_up)

    assert raised.value.status_code == 429
    assert proxy.statuses(path) == [429]


def test_a_wrong_key_is_the_typed_401_everywhere(proxy, user):
    with Orq(api_key="sk-wrong", server_url=proxy.url) as stranger:
        for ask in (
            stranger.identities.list,
            stranger.budgets.list,
            lambda: invoke(stranger, user),
        ):
            with pytest.raises(models.ErrorResponse) as raised:
                ask()
            assert raised.value.status_code == 401
            assert raised.value.data.code == 16
            assert raised.value.data.message

        with pytest.raises(models.APIErrorResponse) as refused:
            chat(stranger, user)
        assert refused.value.status_code == 401
        assert refused.value.data.error.message


def test_an_unknown_identity_is_the_typed_404(orq):
    with pytest.raises(models.ErrorResponse) as raised:
        orq.identities.retrieve(id="nobody")

    assert raised.value.status_code == 404
    assert raised.value.data.code == 5
    assert str(raised.value) == raised.value.data.message


def test_another_workspace_sees_none_of_it(orq, proxy, user, new_workspace_key):
    identity = orq.identities.create(external_id=user).result.identity

    with Orq(api_key=new_workspace_key, server_url=proxy.url) as charlie:
        assert charlie.identities.list().data == []
        for ref in (identity.id, user):
            with pytest.raises(models.ErrorResponse) as raised:
                charlie.identities.retrieve(id=ref)
            assert raised.value.status_code == 404


def test_an_unknown_deployment_and_a_stream_are_clear_errors(orq):
    with pytest.raises(models.APIDefaultError) as unknown:
        orq.deployments.invoke(key="nothing")
    with pytest.raises(models.APIErrorResponse) as streaming:
        orq.router.chat.completions.create(
            model="orq/echo", messages=HELLO, stream=True
        )

    assert unknown.value.status_code == 404
    assert streaming.value.status_code == 400
    assert "stream" in streaming.value.data.error.message.lower()
