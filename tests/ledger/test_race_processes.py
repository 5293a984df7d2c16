"""The whole product in several processes: races, kill -9 and SIGTERM under load."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPException

import pytest

from metering.models import ModelPrice
from orqstudio.lib import ids
from tests.fake_provider import FakeProvider
from tests.gateway.client import GatewayClient
from tests.ledger.kit import require_one_truth
from tests.make import make_budget, make_identity, make_key
from tests.servers import AppServer
from tests.serving import wait_for

pytestmark = [pytest.mark.race, pytest.mark.slow]

CALL_USD = Decimal("0.018")
"""What a plain invocation of the deployment `demo` costs."""


@pytest.fixture
def provider():
    """An upstream whose model `hang` never answers."""
    running = FakeProvider()
    yield running
    running.stop()


@pytest.fixture
def start_server(database, provider, tmp_path):
    """Start the application in two worker processes."""
    servers = []

    def start(*arguments: str, **variables: str) -> AppServer:
        knobs = {
            "OPENAI_BASE_URL": provider.url,
            "ORQSTUDIO_HOLD_LEASE_S": "1",
            **variables,
        }
        server = AppServer(database, tmp_path, knobs, workers=2, arguments=arguments)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.kill()


@dataclass
class Load:
    """Callers that go on until the server is gone or enough has been answered."""

    client: GatewayClient
    answered: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    is_over: threading.Event = field(default_factory=threading.Event)
    goes_on: bool = False
    """Whether a call that is cut off is followed by another."""

    def call_on(self, number: int) -> None:
        """Call until told to stop; calls cut off have no answer to remember."""
        while not self.is_over.is_set():
            try:
                answer = self.client.invoke(f"user_{number % 5}")
            except (OSError, HTTPException):
                if self.goes_on:
                    continue
                return
            self.statuses[answer.status] += 1
            if answer.status == 200:
                self.answered.append(answer.headers["x-orq-trace-id"])

    def run_until(self, enough: Callable[[], bool], end: Callable[[], object]) -> None:
        """Run 12 callers, wait for enough, end the server under them."""
        with ThreadPoolExecutor(12) as pool:
            callers = [pool.submit(self.call_on, number) for number in range(12)]
            try:
                wait_for(enough, "enough was answered")
                end()
            finally:
                self.is_over.set()
        for caller in callers:
            caller.result()


def traces(facts, workspace, status="ok"):
    """The trace ids of all events of a status, each as often as it is there."""
    events = facts.events(workspace)
    return Counter(ids.show(e["id"]) for e in events if e["status"] == status)


def get(client, path):
    """What the resource API says."""
    return client.request("GET", path, None, {}).body


@pytest.mark.parametrize("is_known", [True, False])
def test_64_calls_over_two_processes_spend_a_budget_of_10_calls_exactly(
    acme, facts, start_server, is_known
):
    """Promise 1 and 2; A1, A2, A8: at most one call over, here not even that."""
    if is_known:
        make_identity(acme, "user_1")
    budget = make_budget(acme, "user_1", amount_usd=10 * CALL_USD)
    client = GatewayClient(start_server().port, make_key(acme))

    named = {} if is_known else {"identity": {"id": "user_1"}}

    def call(_number):
        return client.invoke("user_1", **named)

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(call, range(64)))

    assert Counter(answer.status for answer in answers) == {200: 10, 429: 54}
    refused = [answer.body["details"] for answer in answers if answer.status == 429]
    assert {details["reason"] for details in refused} == {"spent"}
    assert {details["settled"] for details in refused} == {0.18}
    assert facts.spent(acme) == 10 * CALL_USD
    assert facts.windows(acme)[0]["settled_usd"] == 10 * CALL_USD
    metrics = get(client, "/v2/identities/user_1?include_metrics=true")["metrics"]
    assert (metrics["total_cost"], metrics["total_requests"]) == (0.18, 10)
    usage = get(client, f"/v2/budgets/{budget.public_id}")["budget"]["usage"]
    assert (usage["amount"], usage["requests"]) == (0.18, 10)
    assert facts.holds(acme) == []
    require_one_truth(facts, acme)


def test_after_kill_9_under_load_every_answered_call_is_counted_once(
    acme, facts, start_server, provider
):
    """Promise 3; B1, C1: dead calls free their holds, the next call works."""
    ModelPrice.objects.create(
        workspace=acme,
        provider_key="openai",
        model="hang",
        input_usd_per_mtok=1000,
        output_usd_per_mtok=1000,
    )
    make_budget(acme, "", amount_usd=10_000)
    make_budget(acme, "stuck", amount_usd=1)
    server = start_server()
    client = GatewayClient(server.port, make_key(acme))
    load = Load(client)
    with ThreadPoolExecutor(3) as pool:
        stuck = [
            pool.submit(client.chat, "openai/hang", "stuck", max_tokens=5)
            for _ in range(3)
        ]
        wait_for(lambda: len(facts.holds(acme)) >= 3, "three calls are under way")

        load.run_until(lambda: len(load.answered) >= 100, server.kill)

        assert all(isinstance(call.exception(), Exception) for call in stuck)
    server.start()
    wait_for(lambda: not facts.holds(acme), "holds of dead calls free themselves")

    assert load.statuses.keys() == {200}
    counted = traces(facts, acme)
    assert set(load.answered) <= counted.keys()
    assert set(counted.values()) == {1}
    assert traces(facts, acme, "lost").total() >= 3
    assert client.invoke("stuck").status == 200
    require_one_truth(facts, acme)


def test_sigterm_under_load_loses_nothing(acme, facts, start_server):
    """Promise 3; C1: every row has its answer, every answer its row."""
    make_budget(acme, "", amount_usd=10_000)
    server = start_server()
    load = Load(GatewayClient(server.port, make_key(acme)))

    load.run_until(lambda: len(load.answered) >= 100, server.stop)

    assert load.statuses.keys() == {200}
    assert traces(facts, acme) == Counter(load.answered)
    assert facts.holds(acme) == []
    require_one_truth(facts, acme)


def test_workers_that_are_recycled_under_load_lose_nothing(acme, facts, start_server):
    """C2: a worker that ends after some calls takes none of them along."""
    make_budget(acme, "", amount_usd=10_000)
    server = start_server("--limit-max-requests", "60")
    load = Load(GatewayClient(server.port, make_key(acme)), goes_on=True)

    workers = server.worker_pids

    load.run_until(
        lambda: len(load.answered) >= 130 and server.worker_pids - workers,
        lambda: None,
    )

    assert load.statuses.keys() == {200}
    assert traces(facts, acme) == Counter(load.answered)
    assert facts.holds(acme) == []
    require_one_truth(facts, acme)
