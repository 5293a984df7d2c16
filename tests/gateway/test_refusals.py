"""The 429 of a budget, exactly as contract 6.7 has it, and the head-room before it."""

from __future__ import annotations

import threading
import time

import pytest
from django.utils import timezone

from identities.models import ApiKey
from identities.services import revoke_api_key
from metering.selectors import open_window
from metering.services import reset_budget, update_budget
from tests.gateway.client import GatewayClient, require_envelope
from tests.make import make_budget, make_key
from tests.serving import wait_for

pytestmark = [pytest.mark.race, pytest.mark.slow]


def resets_in_s(headers, name="x-ratelimit-reset-cost"):
    """The seconds of a reset header, which end in an s."""
    text = headers[name]
    assert text.endswith("s")
    return int(text.removesuffix("s"))


def test_the_body_of_a_refusal_is_the_contracts(client, acme, facts):
    """Contract 6.7; G1, B9: it names scope, dimension and figures."""
    budget = make_budget(acme, "user_1", amount_usd="0.01")
    client.invoke("user_1")

    answer = client.invoke("user_1")

    end = open_window(budget, timezone.now()).ends_at
    message = (
        "Cost budget exceeded for identity user_1. "
        f"It resets at {end:%Y-%m-%d %H:%M} UTC."
    )
    details = {
        "reason": "spent",
        "unit": "usd",
        "limit": 0.01,
        "settled": 0.018,
        "held": 0,
        "resets_at": f"{end:%Y-%m-%dT%H:%M:%S}.000Z",
    }
    assert answer.status == 429
    assert answer.body == {
        "code": 8,
        "message": message,
        "error": {
            "message": message,
            "type": "rate_limit_error",
            "param": None,
            "code": "cost_budget_exceeded",
            "scope_kind": "IDENTITY",
            "scope_target_id": "user_1",
            "dimension": "cost",
            "details": details,
        },
        "details": details,
    }
    assert len(facts.events(acme)) == 1  # a refused call counts nowhere
    assert facts.refusals(budget) == {"cost_budget_exceeded": 1}


def test_its_headers_stop_retries_and_tell_the_reset(client, acme):
    """G1: no client shall retry what cannot succeed before the period ends."""
    budget = make_budget(acme, "user_1", amount_usd=0)

    answer = client.invoke("user_1")

    left = open_window(budget, timezone.now()).ends_at - timezone.now()
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-ratelimit-limit-cost"] == "0"
    assert answer.headers["x-ratelimit-remaining-cost"] == "0"
    assert abs(resets_in_s(answer.headers) - left.total_seconds()) < 120
    assert answer.headers["retry-after"] == str(resets_in_s(answer.headers))


def test_retry_after_can_be_switched_off(server_factory, acme):
    """Contract 6.7: the Python SDK sleeps all of it, hence the setting."""
    server = server_factory(ORQSTUDIO_RETRY_AFTER_ON_BUDGET="false")
    client = GatewayClient(server.port, make_key(acme))
    make_budget(acme, "user_1", amount_usd=0)

    answer = client.invoke("user_1")

    assert answer.status == 429
    assert "retry-after" not in answer.headers
    assert answer.headers["x-should-retry"] == "false"


def test_a_one_time_budget_names_no_reset(client, acme):
    make_budget(acme, "user_1", amount_usd=0, period="one_time")

    answer = client.invoke("user_1")

    assert answer.status == 429
    assert "does not reset" in answer.body["message"]
    assert "resets_at" not in answer.body["details"]
    assert "retry-after" not in answer.headers
    assert "x-ratelimit-reset-cost" not in answer.headers


def test_a_token_budget_speaks_of_tokens(client, acme):
    make_budget(acme, "user_1", amount_usd=None, token_limit=12)
    client.invoke("user_1")

    answer = client.invoke("user_1")

    require_envelope(answer, 429, "token_budget_exceeded")
    assert answer.error["dimension"] == "tokens"
    details = answer.body["details"]
    assert (details["unit"], details["limit"], details["settled"]) == ("tokens", 12, 12)
    assert answer.headers["x-ratelimit-limit-tokens"] == "12"


def test_a_budget_of_the_workspace_names_no_target(client, acme):
    make_budget(acme, "", amount_usd=0)

    answer = client.chat(whom="user_1")

    assert answer.error["scope_kind"] == "WORKSPACE"
    assert "scope_target_id" not in answer.error
    assert "the workspace" in answer.body["message"]


def test_held_money_says_try_again_soon(client, acme, facts, price):
    """Spent lasts until the reset, held until the running call ends."""
    price("hang", 1000, 1000)
    make_budget(acme, "user_1", amount_usd="0.001")
    body = {"max_tokens": 5}
    caller = threading.Thread(
        target=client.chat, args=("openai/hang", "user_1"), kwargs=body
    )
    caller.start()
    wait_for(lambda: facts.holds(acme), "the call holds its money")

    answer = client.invoke("user_1")

    assert answer.status == 429
    assert answer.body["details"]["reason"] == "held"
    assert answer.body["details"]["held"] > 0
    assert answer.headers["retry-after"] == "1"
    assert "x-should-retry" not in answer.headers
    caller.join()


def test_a_good_answer_tells_the_head_room(client, acme):
    budget = make_budget(acme, "user_1", amount_usd=1, token_limit=1000)

    answer = client.invoke("user_1")

    left = open_window(budget, timezone.now()).ends_at - timezone.now()
    assert answer.headers["x-ratelimit-limit-cost"] == "1"
    assert answer.headers["x-ratelimit-remaining-cost"] == "0.982"
    assert abs(resets_in_s(answer.headers) - left.total_seconds()) < 120
    assert answer.headers["x-ratelimit-limit-tokens"] == "1000"
    assert answer.headers["x-ratelimit-remaining-tokens"] == "988"


def test_of_several_budgets_the_tightest_is_told(client, acme):
    """Contract 6.5: the tightest wins per dimension; one that never resets says so."""
    make_budget(acme, "", amount_usd=100, token_limit=20)
    make_budget(acme, "user_1", amount_usd="0.5", token_limit=99, period="one_time")

    headers = client.invoke("user_1").headers

    assert headers["x-ratelimit-limit-cost"] == "0.5"
    assert headers["x-ratelimit-remaining-cost"] == "0.482"
    assert "x-ratelimit-reset-cost" not in headers
    assert headers["x-ratelimit-remaining-tokens"] == "8"
    assert resets_in_s(headers, "x-ratelimit-reset-tokens") > 0


def test_without_an_enforced_budget_there_is_no_head_room(client, acme):
    make_budget(acme, "user_1", mode="shadow")
    make_budget(acme, "", is_active=False)

    headers = client.invoke("user_1").headers

    assert not [name for name in headers if name.startswith("x-ratelimit")]


def test_a_changed_budget_holds_from_the_next_call_on(client, acme):
    """B8, A14: budgets are never cached."""
    budget = make_budget(acme, "user_1", amount_usd="0.01")
    client.invoke("user_1")
    assert client.invoke("user_1").status == 429

    raised = {"amount_usd": "0.03"}
    update_budget(budget=budget, changes=raised, now=timezone.now())
    assert client.invoke("user_1").status == 200
    assert client.invoke("user_1").status == 429

    reset_budget(budget=budget, now=timezone.now())
    assert client.invoke("user_1").status == 200


def test_a_refusal_shows_nobody_elses_figures(client, charlies_client, acme, globex):
    """G2: neither the other workspace's nor another identity's."""
    make_budget(globex, "user_1", amount_usd=0)
    make_budget(acme, "user_2", amount_usd=0)

    assert client.invoke("user_1").status == 200
    assert charlies_client.invoke("user_2").status == 200


def test_a_revoked_key_is_refused_within_a_second(client, acme):
    """Design 4: keys may be kept, for less than a second."""
    assert client.invoke().status == 200
    key = ApiKey.objects.get(workspace=acme)

    revoke_api_key(api_key=key, now=timezone.now())
    revoked_at = time.monotonic()
    answer = wait_for(
        lambda: (found := client.invoke()).status == 401 and found, "it is refused"
    )

    require_envelope(answer, 401, "invalid_api_key")
    assert time.monotonic() - revoked_at < 10


def test_an_expired_key_is_refused(server, acme):
    client = GatewayClient(server.port, make_key(acme))
    ApiKey.objects.filter(workspace=acme).update(expires_at=timezone.now())

    require_envelope(client.invoke(), 401, "invalid_api_key")


def test_a_cookie_is_no_key(anonymous):
    answer = anonymous.post(
        "/v2/deployments/invoke", {"key": "demo"}, headers={"Cookie": "sessionid=x"}
    )

    require_envelope(answer, 401, "invalid_api_key")
