"""Budgets of every kind, expressions and requests a minute, through the real server."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from identities.models import ApiKey
from metering.services import reset_budget, update_budget
from orqstudio.lib import ids
from tests.gateway.client import CHAT, HELLO, GatewayClient, require_envelope
from tests.make import make_budget, make_key, make_match_budget

pytestmark = [pytest.mark.race, pytest.mark.slow]

ONE_CALL = Decimal("0.001")
"""The first call passes this limit, the second one finds it reached."""


@pytest.fixture
def apollo(server, acme):
    """A caller whose key belongs to project apollo."""
    token = make_key(acme, name="apollo", project_id="apollo")
    return GatewayClient(server.port, token)


def key_id(acme, name="apollo") -> str:
    return ApiKey.objects.get(workspace=acme, name=name).public_id


def chat(client, *, headers=None, whom="user_1", **body):
    """A chat call with headers of its own."""
    sent = {"model": "orq/echo", "messages": HELLO, **body}
    return client.post(CHAT, sent, whom=whom, headers=headers)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("project", "apollo"),
        ("api_key", None),
        ("provider", "orq"),
        ("model", "orq/echo"),
    ],
)
def test_a_scope_refuses_and_is_named(apollo, acme, kind, target):
    """By deployment and by model alike: both are the same model."""
    target = target or key_id(acme)
    make_budget(acme, target, scope_kind=kind, amount_usd=ONE_CALL)

    first = apollo.invoke("user_1")
    answer = apollo.chat(whom="user_2")

    assert first.status == 200
    assert first.headers["x-ratelimit-limit-cost"] == "0.001"
    require_envelope(answer, 429, "cost_budget_exceeded")
    assert answer.error["scope_kind"] == kind.upper()
    assert answer.error["scope_target_id"] == target
    assert target in answer.body["message"]


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("project", "apollo"),
        ("api_key", None),
        ("provider", "openai"),
        ("model", "openai/echo"),
    ],
)
def test_a_scope_leaves_other_calls_alone(client, apollo, acme, kind, target):
    target = target or key_id(acme)
    make_budget(acme, target, scope_kind=kind, amount_usd=0)

    assert client.invoke("user_1").status == 200
    assert client.chat(whom="user_1").status == 200


@pytest.mark.parametrize(
    ("cel", "matched", "other"),
    [
        (
            'headers["x-team"] == "blue"',
            {"headers": {"X-Team": "blue"}},
            {"headers": {"X-Team": "red"}},
        ),
        (
            'has(metadata.tier) && metadata.tier == "free"',
            {"metadata": {"tier": "free"}},
            {"metadata": {"tier": "pro"}},
        ),
        (
            'identity.startsWith("team-a:") && model == "orq/echo"',
            {"whom": "team-a:7"},
            {"whom": "team-b:7"},
        ),
        (
            'headers["x-team"].matches("^b") && !("authorization" in headers)',
            {"headers": {"x-team": "blue"}},
            {"headers": {"x-team": "red"}},
        ),
    ],
)
def test_an_expression_decides_by_what_the_call_says(client, acme, cel, matched, other):
    budget = make_match_budget(acme, cel, amount_usd=ONE_CALL)

    statuses = [chat(client, **matched).status for _ in range(2)]
    spared = chat(client, **other)
    answer = chat(client, **matched)

    assert statuses == [200, 429]
    assert spared.status == 200
    require_envelope(answer, 429, "cost_budget_exceeded")
    assert answer.error["scope_kind"] == "MATCH"
    assert answer.error["scope_target_id"] == budget.public_id


@pytest.mark.parametrize(
    "cel",
    ['headers["absent"] == "x"', "metadata.tier > 3", 'metadata.tier == "x"'],
)
def test_an_expression_that_fails_on_a_call_applies(client, acme, cel):
    """Who leaves a header or a key out is limited, not free."""
    make_match_budget(acme, cel, amount_usd=0)

    require_envelope(chat(client), 429, "cost_budget_exceeded")


def test_other_workspaces_expressions_do_not_apply(charlies_client, acme):
    make_match_budget(acme, "true", amount_usd=0)

    assert charlies_client.invoke("user_1").status == 200


def test_an_expression_is_changed_for_the_next_call(client, acme):
    budget = make_match_budget(acme, 'identity == "user_1"', amount_usd=0)
    assert client.invoke("user_1").status == 429

    changed = {"match_cel": 'identity == "user_2"'}
    update_budget(budget=budget, changes=changed, now=timezone.now())

    assert client.invoke("user_1").status == 200
    assert client.invoke("user_2").status == 429


def test_the_event_remembers_project_key_and_expressions(apollo, acme, facts):
    budget = make_match_budget(acme, "true")

    apollo.invoke("user_1")

    (event,) = facts.events(acme)
    assert event["project_id"] == "apollo"
    assert ids.show(event["api_key_id"]) == key_id(acme)
    assert event["matched_budget_ids"] == [budget.pk]


def test_requests_a_minute_are_refused_as_the_contract_recorded_it(client, acme, facts):
    """Contract 6.7, live: limit 2, the third call in the window is refused."""
    budget = make_budget(acme, "user_1", amount_usd=None, requests_per_minute=2)

    good = [client.invoke("user_1") for _ in range(2)]
    answer = client.invoke("user_1")

    assert [each.status for each in good] == [200, 200]
    assert [each.headers["x-ratelimit-limit"] for each in good] == ["2", "2"]
    assert [each.headers["x-ratelimit-remaining"] for each in good] == ["1", "0"]
    require_envelope(answer, 429, "requests_per_minute_exceeded")
    assert answer.error["type"] == "rate_limit_error"
    assert answer.error["dimension"] == "requests"
    assert answer.error["scope_kind"] == "IDENTITY"
    assert answer.error["scope_target_id"] == "user_1"
    assert answer.headers["x-ratelimit-limit"] == "2"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    seconds = answer.headers["x-ratelimit-reset"]
    assert seconds.endswith("s")
    assert 0 <= int(seconds[:-1]) <= 60
    assert answer.headers["retry-after"] == seconds[:-1]
    assert len(facts.events(acme)) == 2
    assert facts.refusals(budget) == {"requests_per_minute_exceeded": 1}


def test_a_reset_lets_calls_pass_at_once(client, acme):
    budget = make_budget(acme, "user_1", amount_usd=None, requests_per_minute=1)
    assert [client.invoke("user_1").status for _ in range(2)] == [200, 429]

    reset_budget(budget=budget, now=timezone.now())

    assert [client.invoke("user_1").status for _ in range(2)] == [200, 429]


def test_of_several_rates_the_tightest_is_told(client, acme):
    make_budget(acme, "", amount_usd=None, requests_per_minute=50)
    make_budget(acme, "user_1", amount_usd=5, requests_per_minute=3)

    headers = client.invoke("user_1").headers

    assert headers["x-ratelimit-limit"] == "3"
    assert headers["x-ratelimit-remaining"] == "2"
    assert headers["x-ratelimit-limit-cost"] == "5"
