"""Good calls: the seed's curl line, invoke and chat, what is sent and what is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from metering.models import Deployment, Provider
from orqstudio.lib import ids
from tests.fake_provider import HUGE_TEXT
from tests.gateway.client import CHAT, HELLO, INVOKE
from tests.serving import wait_for

pytestmark = [pytest.mark.race, pytest.mark.slow]

SEED_BODY = b"""{
   "key": "demo",
   "context": {
      "environments": []
   }
}"""


def test_the_seed_pages_curl_line_works_unchanged(client, acme, facts):
    headers = {"Accept": "application/json", "Accept-Encoding": "deflate, gzip"}

    answer = client.post(INVOKE, SEED_BODY, whom="user_12345", headers=headers)

    assert answer.status == 200
    (event,) = facts.events(acme)
    assert event["external_id"] == "user_12345"
    assert event["cost_usd"] == Decimal("0.018")
    assert (event["deployment_key"], event["operation"]) == ("demo", "invoke")


def test_a_key_with_a_colon_behind_it_works_too(client):
    """The seed page writes `Bearer <your-api-key>:` in one of its lines."""
    colon = {"Authorization": f"Bearer {client.token}:"}

    assert client.post(INVOKE, SEED_BODY, headers=colon).status == 200


def test_an_invocation_has_every_key_the_sdks_require(client):
    """Contract 8.1: removing any one of them fails in both SDKs."""
    answer = client.invoke("user_1")

    body = answer.body
    (choice,) = body["choices"]
    assert body["object"] == "chat"
    assert body["provider"] == "orq"
    assert body["model"] == "orq/echo"
    assert body["is_final"] is True
    assert body["telemetry"] == {"trace_id": body["id"], "span_id": body["id"]}
    assert answer.headers["x-orq-trace-id"] == body["id"]
    assert ids.parse(body["id"])
    created = datetime.fromisoformat(body["created"])
    assert created.utcoffset() == timedelta(0)
    assert choice["message"] == {
        "type": "content",
        "role": "assistant",
        "content": "Hello from orqstudio.",
    }
    assert choice["finish_reason"] == "stop"
    assert body["usage"]["total_tokens"] == 12


def test_the_event_of_a_call_bears_its_trace_id(client, acme, facts):
    answer = client.invoke("user_1")

    (event,) = facts.events(acme)
    assert ids.show(event["id"]) == answer.headers["x-orq-trace-id"]


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_chat_answers_as_openai_does(client, acme, facts, version):
    path = CHAT.replace("v2", version)

    answer = client.post(path, {"model": "orq/echo", "messages": HELLO})

    assert answer.status == 200
    assert answer.body["object"] == "chat.completion"
    assert isinstance(answer.body["created"], int)
    assert answer.body["choices"][0]["message"]["content"] == "Hello"
    (event,) = facts.events(acme)
    assert (event["operation"], event["model"]) == ("chat", "echo")


def test_a_providers_chat_answer_is_passed_on_byte_by_byte(client, provider):
    answer = client.chat("openai/ok")

    assert answer.body["choices"][0]["message"]["content"] == "Hi."
    assert answer.body["system_fingerprint"] is None


def test_a_provider_gets_the_callers_words_and_nothing_of_ours(client, provider):
    """The model without its provider, our key not at all, its own key instead."""
    client.chat(
        "openai/ok",
        "user_1",
        temperature=0.5,
        seed=7,
        orq={"identity": {"id": "user_1"}},
        identity={"id": "user_1"},
        thread={"id": "t"},
        stream=False,
    )

    seen = provider.seen[-1]
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {
        "model": "ok",
        "messages": HELLO,
        "temperature": 0.5,
        "seed": 7,
    }
    assert seen.headers["authorization"] == "Bearer sk-the-providers-own-secret"
    assert client.token not in str(seen.headers)
    assert "user_1" not in str(seen.headers)


def test_a_provider_with_its_own_address_never_gets_the_default_key(
    client, acme, provider
):
    Provider.objects.create(
        workspace=acme,
        key="local",
        kind="openai",
        base_url=provider.url,
        secret_env="OPENAI_API_KEY",
    )

    assert client.chat("local/ok").status == 200

    assert "authorization" not in provider.seen[-1].headers


def test_a_deployment_of_a_provider_answers_in_the_invoke_shape(client, acme, provider):
    Deployment.objects.create(
        workspace=acme,
        key="helper",
        provider=Provider.objects.get(workspace=acme, key="openai"),
        model="openai/ok",
        messages=[
            {"role": "system", "content": "You help {{name}}."},
            {"role": "user", "content": "Greet {{ name }}."},
        ],
        parameters={"temperature": 0.1, "max_tokens": 50},
    )

    answer = client.invoke(
        key="helper",
        inputs={"name": "Alice"},
        prefix_messages=[{"role": "user", "content": "before"}],
        messages=[{"role": "user", "content": "after"}],
        extra_params={"temperature": 0.9},
    )

    assert answer.body["provider"] == "openai"
    assert answer.body["choices"][0]["message"]["content"] == "Hi."
    sent = provider.seen[-1].body
    assert [message["content"] for message in sent["messages"]] == [
        "You help Alice.",
        "before",
        "Greet Alice.",
        "after",
    ]
    assert (sent["temperature"], sent["max_tokens"]) == (0.9, 50)


def deploy(acme, model):
    """A deployment of provider `openai` by the model's name."""
    Deployment.objects.create(
        workspace=acme,
        key=model,
        provider=Provider.objects.get(workspace=acme, key="openai"),
        model=model,
        messages=HELLO,
    )


@pytest.mark.parametrize("model", ["cached", "no-usage", "tools", "odd-choices"])
def test_no_invoke_answer_has_a_null_that_a_client_stumbles_over(client, acme, model):
    deploy(acme, model)

    answer = client.invoke(key=model)  # the client itself looks for nulls

    assert answer.status == 200
    for choice in answer.body["choices"]:
        assert choice["message"]["type"] in {"content", "tool_calls"}
        assert choice["message"]["role"] == "assistant"


def test_a_huge_answer_arrives_whole_and_others_are_served_meanwhile(client, acme):
    """C26: megabytes stall nobody."""
    answer = client.chat("openai/huge")

    assert answer.body["choices"][0]["message"]["content"] == HUGE_TEXT


def test_metadata_is_kept_with_the_event_and_prompts_never(client, acme, facts):
    client.chat("openai/ok", metadata={"team": "blue", "n": 5}, messages=HELLO)

    (event,) = facts.events(acme)
    assert event["metadata"] == {"team": "blue", "n": "5"}
    assert "Hello" not in str(event)
    assert "Hi." not in str(event)


def test_the_use_of_a_key_is_noted(client, acme, facts):
    client.invoke()

    wait_for(
        lambda: facts.value(
            "SELECT last_used_at FROM api_key WHERE workspace_id = %s", acme.pk
        ),
        "the use was noted",
    )
