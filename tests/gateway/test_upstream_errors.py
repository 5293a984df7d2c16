"""Providers that fail: a documented status, one failed row, the hold given back."""

from __future__ import annotations

import contextlib
import http.client as http
import json
import socket
import threading
from decimal import Decimal

import pytest

from metering.models import Provider
from tests.gateway.client import HELLO, GatewayClient, require_envelope
from tests.make import make_budget, make_key
from tests.serving import wait_for

pytestmark = [pytest.mark.race, pytest.mark.slow]

NOTHING, UNKNOWN = Decimal(0), None
"""What a failed call cost: nothing was done, or nobody can tell."""

FAILURES = {
    "400": (400, "upstream_bad_request", NOTHING),
    "401": (502, "upstream_auth_failed", NOTHING),
    "403": (502, "upstream_auth_failed", NOTHING),
    "404": (404, "upstream_bad_request", NOTHING),
    "429": (429, "upstream_rate_limited", NOTHING),
    "500": (502, "upstream_failed", NOTHING),
    "529": (502, "upstream_failed", NOTHING),
    "302": (502, "upstream_failed", NOTHING),
    "hang": (504, "upstream_timeout", UNKNOWN),
    "cut": (502, "upstream_broken", UNKNOWN),
    "not-json": (502, "upstream_invalid_answer", UNKNOWN),
    "no-choices": (502, "upstream_invalid_answer", UNKNOWN),
    "a-list": (502, "upstream_invalid_answer", UNKNOWN),
    "deep": (502, "upstream_invalid_answer", UNKNOWN),
    "empty": (502, "upstream_invalid_answer", UNKNOWN),
}


@pytest.mark.parametrize("model", FAILURES)
def test_a_failure_is_answered_recorded_and_held_no_more(
    client, acme, facts, price, model
):
    """B5, B14: each error path has its status and releases exactly once."""
    status, code, cost_usd = FAILURES[model]
    price(model, 1000, 1000)
    make_budget(acme, "user_1", amount_usd=1)

    answer = client.chat(f"openai/{model}", "user_1", max_tokens=5)

    require_envelope(answer, status, code)
    (event,) = facts.events(acme)
    assert (event["status"], event["http_status"]) == ("failed", status)
    assert (event["error_code"], event["cost_usd"]) == (code, cost_usd)
    assert event["external_id"] == "user_1"
    (day,) = facts.days(acme)
    assert (day["requests"], day["errors"]) == (1, 1)
    assert day["unpriced"] == (cost_usd is UNKNOWN)
    assert facts.holds(acme) == []
    assert {window["held_usd"] for window in facts.windows(acme)} == {0}


def test_a_provider_that_refuses_connections_is_a_502(client, acme, facts, unreachable):
    answer = client.chat("gone/gpt", "user_1")

    require_envelope(answer, 502, "upstream_unreachable")
    (event,) = facts.events(acme)
    assert (event["status"], event["cost_usd"]) == ("failed", 0)
    assert facts.holds(acme) == []
    assert "127.0.0.1" not in answer.body["message"]


def test_a_provider_that_accepts_no_connection_is_unreachable_not_slow(
    acme, facts, server_factory
):
    """Nothing was sent, so nothing was billed: its cost is known to be none."""
    impatient = server_factory(ORQSTUDIO_UPSTREAM_CONNECT_TIMEOUT_S="0.2")
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # fill its backlog, so that further ones hang
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        Provider.objects.filter(workspace=acme, key="openai").update(
            base_url=f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        )
        client = GatewayClient(impatient.port, make_key(acme))

        answer = client.chat("openai/ok")

    require_envelope(answer, 502, "upstream_unreachable")
    assert facts.events(acme)[0]["cost_usd"] == 0


@pytest.mark.parametrize(
    "address",
    [
        "http://nowhere.invalid/v1",
        "not a url",
        "ftp://127.0.0.1/v1",
        "http://[::bad/v1",
    ],
)
def test_a_provider_with_an_unusable_address_is_a_502(client, acme, facts, address):
    Provider.objects.filter(workspace=acme, key="openai").update(base_url=address)

    answer = client.chat("openai/ok")

    assert answer.status == 502
    assert answer.error["code"] in {"upstream_unreachable", "upstream_misconfigured"}
    assert facts.holds(acme) == []
    assert [event["status"] for event in facts.events(acme)] == ["failed"]
    assert address not in answer.body["message"]


def test_what_the_provider_says_of_a_bad_request_reaches_the_caller(client):
    answer = client.chat("openai/400")

    assert answer.body["message"] == "Provider openai: temperature is too high"


@pytest.mark.parametrize("model", ["401", "500"])
def test_what_it_says_of_its_own_trouble_does_not(client, model):
    answer = client.chat(f"openai/{model}")

    assert "sk-leaked" not in str(answer.body)
    assert "stack trace" not in str(answer.body)


def test_the_providers_rate_limit_keeps_its_retry_after(client):
    answer = client.chat("openai/429")

    assert answer.headers["retry-after"] == "7"
    assert "x-should-retry" not in answer.headers


def test_failed_calls_count_in_the_error_rate_of_the_identity(client, acme, server):
    """Contract 5.4, the seed's own figures: three requests, one of them failed."""
    client.chat("openai/ok", identity={"id": "user_1"})
    client.chat("openai/ok", "user_1")
    client.chat("openai/500", "user_1")

    path = "/v2/identities/user_1?include_metrics=true"
    answer = client.request("GET", path, None, {})

    metrics = answer.body["metrics"]
    assert metrics["total_requests"] == 3
    assert metrics["error_rate"] == pytest.approx(1 / 3)
    assert metrics["total_tokens"] == 300


def test_failures_never_use_the_budget_up(client, acme, price):
    price("500", 1000, 1000)
    make_budget(acme, "user_1", amount_usd="0.02")

    statuses = {client.chat("openai/500", "user_1").status for _ in range(5)}

    assert statuses == {502}
    assert client.chat("orq/echo", "user_1", messages=HELLO).status == 200


def test_a_call_runs_on_and_is_counted_when_its_caller_hangs_up(
    client, acme, facts, provider, price
):
    """C18, C21: settlement needs no client; the hang ends in the server's timeout."""
    price("hang", 1000, 1000)
    make_budget(acme, "", amount_usd=5)
    connection = http.HTTPConnection("127.0.0.1", client.port, timeout=30)
    body = json.dumps({"model": "openai/hang", "messages": HELLO, "max_tokens": 5})
    headers = {"Authorization": f"Bearer {client.token}"}
    connection.request("POST", "/v2/router/chat/completions", body, headers)
    wait_for(lambda: facts.holds(acme), "the call holds its money")

    connection.close()

    wait_for(lambda: facts.events(acme), "the call was recorded")
    assert facts.holds(acme) == []
    assert {window["held_usd"] for window in facts.windows(acme)} == {0}


def test_no_transaction_is_open_while_a_provider_works(client, acme, facts, price):
    """A7: with the call under way every session of the server is idle."""
    price("hang", 1000, 1000)
    make_budget(acme, "", amount_usd=5)
    body = {"max_tokens": 5}
    caller = threading.Thread(target=client.chat, args=("openai/hang",), kwargs=body)
    caller.start()
    wait_for(lambda: facts.holds(acme), "the call holds its money")

    open_transactions = facts.rows(
        "SELECT application_name, query FROM pg_stat_activity "
        "WHERE application_name IN ('orqstudio-ledger', 'orqstudio-gateway') "
        "AND state LIKE 'idle in transaction%%' AND xact_start IS NOT NULL"
    )

    assert open_transactions == []
    caller.join()
