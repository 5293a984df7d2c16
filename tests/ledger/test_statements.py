"""What a call costs the database: statements by number, budgets by index."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import AsyncConnection

from metering import ledger_sql as sql
from metering.ledger.batch import create_windows, run_batch
from metering.ledger.requests import Admit, Settle
from metering.ledger.rows import scope_spans
from metering.models import Budget, BudgetWindow
from tests.committed import in_thread
from tests.conftest import NOON
from tests.ledger.kit import make_call, outcome, worst
from tests.make import make_budget, make_match_budget

pytestmark = pytest.mark.race


class CountingConnection(AsyncConnection):
    """Remembers what it was asked."""

    asked: list[str]

    async def execute(self, query, *args: Any, **options: Any):
        """Run and remember a statement."""
        self.asked.append(query)
        return await super().execute(query, *args, **options)


@pytest.fixture
async def count(acme, database):
    """Statements of one batch with one request, once its windows are there."""
    connection = await CountingConnection.connect(database, autocommit=True)
    connection.asked = []
    knobs = {"owner": "test", "lease_s": 60}

    async def run() -> tuple[int, int]:
        call = make_call(acme, project_id="apollo")
        await create_windows(connection, [Admit(call, worst(), NOON)])
        counts = []
        for request in (Admit(call, worst(), NOON), Settle(call, outcome())):
            connection.asked.clear()
            await run_batch(connection, [request], **knobs)
            counts.append(len(connection.asked))
        return tuple(counts)

    yield run
    await connection.close()


async def test_a_call_costs_the_same_whichever_kind_of_budget_counts_it(acme, count):
    """BEGIN, three reads, the writes and COMMIT; no kind adds a statement."""
    bare = await count()
    await in_thread(make_budget, acme, "user_1", amount_usd=Decimal(1000))
    under_one = await count()
    for kind, target in (
        ("workspace", ""),
        ("project", "apollo"),
        ("provider", "orq"),
        ("model", "orq/echo"),
    ):
        await in_thread(
            make_budget, acme, target, scope_kind=kind, amount_usd=Decimal(1000)
        )
    for _ in range(3):
        await in_thread(make_match_budget, acme, "true", amount_usd=Decimal(1000))

    assert bare == (6, 8)
    assert under_one == (7, 9)
    assert await count() == under_one


async def test_a_rate_costs_an_admission_two_statements_and_others_nothing(acme, count):
    await in_thread(make_budget, acme, "user_2", requests_per_minute=1000)
    without = await count()
    await in_thread(make_budget, acme, "user_1", amount_usd=Decimal(1000))
    before = await count()

    await in_thread(make_budget, acme, "", requests_per_minute=1000)
    admission, settlement = await count()

    assert without == (6, 8)
    assert (admission, settlement) == (before[0] + 2, before[1])


MANY = 10_000


@pytest.fixture
def crowded(acme, facts):
    """Ten thousand budgets of identities with a window each, some of other kinds."""
    budgets = [
        Budget(
            workspace=acme,
            scope_kind="identity",
            scope_target=f"user_{number}",
            period="monthly",
            amount_usd=10,
        )
        for number in range(MANY)
    ]
    Budget.objects.bulk_create(budgets)
    BudgetWindow.objects.bulk_create(
        BudgetWindow(budget=budget, starts_at=NOON, ends_at=NOON + timedelta(days=1))
        for budget in budgets
    )
    make_budget(acme, "")
    make_budget(acme, "orq/echo", scope_kind="model")
    for number in range(5):
        make_match_budget(acme, f'identity == "user_{number}"')
    facts.connection.execute("ANALYZE budget, budget_window")
    return acme


def test_budgets_are_found_by_index_among_ten_thousand(crowded, facts):
    """Every scope of one call; what is touched is what is returned."""
    call = make_call(crowded, "user_77", project_id="apollo")
    params = scope_spans([Admit(call, worst(), NOON)])

    for plans in ("force_custom_plan", "force_generic_plan"):
        facts.rows("SELECT set_config('plan_cache_mode', %s, false)", plans)
        for statement in (sql.READ_BUDGETS, sql.LOCK_WINDOWS):
            scans = explain(facts, statement, params)
            assert "budget" in {node["Relation Name"] for node in scans}
            assert "Seq Scan" not in {node["Node Type"] for node in scans}
            assert sum(touched(node) for node in scans) <= 20


def explain(facts, statement, params) -> list[dict[str, Any]]:
    """The nodes of the plan that read budgets or their windows."""
    (plan,) = facts.value(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *params)
    tables = {"budget", "budget_window"}
    return [node for node in nodes(plan["Plan"]) if node.get("Relation Name") in tables]


def touched(node: dict[str, Any]) -> float:
    """How many rows a node looked at."""
    removed = node.get("Rows Removed by Filter", 0)
    return (node["Actual Rows"] + removed) * node["Actual Loops"]


def nodes(plan: dict[str, Any]):
    """Yield a plan's node and all below it."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)
