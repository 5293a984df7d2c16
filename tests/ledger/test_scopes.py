"""Budgets of every scope on the real ledger: what each counts, refuses and recounts."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from identities.models import ApiKey
from metering.matching import Facts
from metering.services import delete_budget, update_budget
from orqstudio.lib import ids
from tests.committed import in_thread
from tests.conftest import NOON
from tests.ledger.kit import (
    AMOUNTS,
    make_call,
    outcome,
    require_one_truth,
    run_call,
    worst,
)
from tests.make import make_budget, make_key, make_match_budget, utc

pytestmark = pytest.mark.race

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Kind:
    """A kind of scope: what its calls have, and what others have."""

    workspace: Any
    name: str
    target: str = ""
    own: dict[str, Any] = field(default_factory=dict)
    others: tuple[dict[str, Any], ...] = ()
    cel: str = ""

    async def budget(self, usd: int = 10, **facts: Any) -> Any:
        """A budget of this scope."""
        facts = {"amount_usd": Decimal(usd), **facts}
        if self.cel:
            return await in_thread(make_match_budget, self.workspace, self.cel, **facts)
        scope = {"scope_kind": self.name, **facts}
        return await in_thread(make_budget, self.workspace, self.target, **scope)

    def call(self, **facts: Any) -> Any:
        """A call that the scope counts."""
        return call_of(self.workspace, **{**self.own, **facts})


def call_of(workspace, **facts):
    return make_call(workspace, **{"external_id": "carol", **facts})


@pytest.fixture
def keys(acme):
    """Two API keys of the workspace."""
    for name in ("first", "second"):
        make_key(acme, name=name)
    return [ApiKey.objects.get(workspace=acme, name=n) for n in ("first", "second")]


@pytest.fixture
def kinds(acme, keys):
    """Every kind by its name."""
    first, second = keys
    made = [
        Kind(acme, "workspace"),
        Kind(
            acme,
            "identity",
            "alice",
            {"external_id": "alice"},
            ({"external_id": "bob"}, {"external_id": ""}, {"external_id": "ALICE"}),
        ),
        Kind(
            acme,
            "project",
            "apollo",
            {"project_id": "apollo"},
            ({"project_id": ""}, {"project_id": "apollo-2"}),
        ),
        Kind(
            acme,
            "api_key",
            first.public_id,
            {"api_key_id": first.pk},
            ({"api_key_id": second.pk}, {"api_key_id": None}),
        ),
        Kind(
            acme,
            "provider",
            "openai",
            {"provider_key": "openai", "model": "o3"},
            ({"provider_key": "orq"}, {"provider_key": "openai-2"}),
        ),
        Kind(
            acme,
            "model",
            "openai/gpt-4o",
            {"provider_key": "openai", "model": "gpt-4o"},
            (
                {"provider_key": "openai", "model": "gpt-4o-mini"},
                {"provider_key": "orq", "model": "gpt-4o"},
                {"provider_key": "open", "model": "ai/gpt-4o"},
            ),
        ),
        Kind(
            acme,
            "match",
            "",
            {"external_id": "team-a:7"},
            ({"external_id": "team-b:7"},),
            'identity.startsWith("team-a:")',
        ),
    ]
    return {kind.name: kind for kind in made}


KINDS = ["workspace", "identity", "project", "api_key", "provider", "model", "match"]


@pytest.mark.parametrize("name", KINDS)
async def test_a_budget_counts_the_calls_of_its_scope_and_no_others(
    globex, facts, ledger, kinds, name
):
    kind = kinds[name]
    acme = kind.workspace
    await kind.budget(2)

    foreign = [await run_call(ledger, call_of(globex, **kind.own)) for _ in range(3)]
    before = [await run_call(ledger, call_of(acme, **other)) for other in kind.others]
    own = [await run_call(ledger, kind.call()) for _ in range(4)]
    after = [await run_call(ledger, call_of(acme, **other)) for other in kind.others]

    assert {*foreign, *before, *after} <= {"ok"}
    assert own == ["ok", "ok", "spent", "spent"]
    (window,) = facts.windows(acme)
    assert (window["settled_usd"], window["settled_requests"]) == (2, 2)
    assert (window["held_usd"], window["held_requests"]) == (0, 0)
    require_one_truth(facts, acme)


@pytest.mark.parametrize("name", KINDS)
async def test_a_refusal_names_the_budget_that_refused(ledger, kinds, name):
    budget = await kinds[name].budget(0)

    admission = await ledger.admit(kinds[name].call(), worst(), NOON)

    refusal = admission.refusal
    assert refusal.budget_id == budget.pk
    assert (refusal.scope_kind, refusal.scope_target) == (name, budget.scope_target)


async def test_of_several_budgets_all_admit_or_none_is_charged(
    acme, facts, ledger, kinds
):
    """One limit after the other binds; what it refuses is counted by nobody."""
    call = {**kinds["model"].own, **kinds["api_key"].own, "project_id": "apollo"}
    limits = {"identity": 2, "provider": 3, "api_key": 5, "model": 7, "project": 8}
    budgets = {name: await kinds[name].budget(usd) for name, usd in limits.items()}
    await kinds["workspace"].budget(100)
    budgets["match"] = await in_thread(
        make_match_budget, acme, 'project == "apollo"', amount_usd=Decimal(4)
    )

    bound = []
    for _ in budgets:
        while True:
            asked = call_of(acme, **call, external_id="alice")
            admission = await ledger.admit(asked, worst(), NOON)
            if admission.refusal is not None:
                break
            await ledger.settle(admission.call, outcome())
        name = admission.refusal.scope_kind
        bound.append((name, budgets[name].amount_usd))
        assert {row["settled_usd"] for row in facts.windows(acme)} == {bound[-1][1]}
        assert all(row["held_requests"] == 0 for row in facts.windows(acme))
        more = {"amount_usd": Decimal(100)}
        await in_thread(update_budget, budget=budgets[name], changes=more, now=NOON)

    expected = {**limits, "match": 4}
    assert bound == sorted(expected.items(), key=lambda each: each[1])
    require_one_truth(facts, acme)


async def test_of_several_refusals_the_one_that_lasts_longest_is_told(ledger, kinds):
    call = kinds["model"].call(external_id="alice", project_id="apollo")
    await kinds["identity"].budget(0, period="daily")
    await kinds["model"].budget(0, period="yearly")
    await kinds["project"].budget(0, period="monthly")

    admission = await ledger.admit(call, worst(), NOON)

    assert admission.refusal.scope_kind == "model"
    assert admission.refusal.resets_at == utc("2027-01-01T00:00")


def mixture(kinds, *, seed, number):
    """Calls of this and that scope, over four days."""
    dice = random.Random(seed)  # noqa: S311 - a reproducible mixture
    for _ in range(number):
        call = {}
        for kind in dice.sample(list(kinds.values()), k=3):
            call |= kind.own
        at = NOON + dice.randint(-48 * 60, 48 * 60) * timedelta(minutes=1)
        yield kinds["workspace"].call(**call, at=at)


FORGET_WINDOWS = "DELETE FROM budget_window RETURNING 1"


def figures(facts, workspace):
    """(kind, start, end) -> numbers of every window row."""
    return {
        (row["scope_kind"], row["starts_at"], row["ends_at"]): [
            row[name] for name in AMOUNTS
        ]
        for row in facts.windows(workspace)
    }


@pytest.mark.parametrize("period", ["daily", "monthly"])
async def test_deleted_windows_of_every_kind_are_computed_anew_and_equal(
    facts, ledger, kinds, period
):
    """Promise 2 for every scope: recomputed from rows equals what was cached."""
    acme = kinds["workspace"].workspace
    for kind in kinds.values():
        await kind.budget(1000, period=period, time_zone="Asia/Kathmandu")
    for call in mixture(kinds, seed=7, number=60):
        await run_call(ledger, call, costs="0.7")
    running = mixture(kinds, seed=8, number=6)
    held = [await ledger.admit(c, worst("2.5"), c.occurred_at) for c in running]
    before = figures(facts, acme)
    require_one_truth(facts, acme)
    assert {key[0] for key in before} == set(KINDS)

    facts.rows(FORGET_WINDOWS)
    for name, start, end in before:
        at = min(end - HOUR, max(start, NOON - 48 * HOUR))
        await ledger.admit(kinds[name].call(at=at), worst("0", 0), at)
    facts.rows("DELETE FROM hold WHERE held_tokens = 0 RETURNING 1")

    after = figures(facts, acme)
    assert after.keys() == before.keys()
    for key, numbers in after.items():
        assert numbers[:5] == before[key][:5]  # all but the number of holds
    facts.rows(FORGET_WINDOWS)
    for admission in held:
        await ledger.settle(admission.call, outcome("0.3"))
    assert facts.windows(acme)
    require_one_truth(facts, acme)


@pytest.mark.parametrize("name", KINDS)
async def test_a_budget_made_in_mid_month_counts_what_is_there(
    facts, ledger, kinds, name
):
    """An expression is the exception: nobody knows what it would have held for."""
    kind = kinds[name]
    for at in ("2026-02-28T23:59", "2026-03-01T00:00", "2026-03-14T12:00"):
        assert await run_call(ledger, kind.call(at=utc(at))) == "ok"
    for other in kind.others:
        await run_call(ledger, call_of(kind.workspace, **other))

    await kind.budget(3)

    free = 3 if name == "match" else 1
    ends = [await run_call(ledger, kind.call()) for _ in range(free + 1)]
    assert ends == ["ok"] * free + ["spent"]
    require_one_truth(facts, kind.workspace)


async def test_a_running_call_counts_where_it_was_matched_when_the_expression_changes(
    acme, facts, ledger, kinds
):
    """The hold remembers; the new expression decides about new calls alone."""
    kind = kinds["match"]
    budget = await kind.budget(2)
    other = kind.others[0]
    held = await ledger.admit(kind.call(), worst("1"), NOON)
    unheld = await ledger.admit(call_of(acme, **other), worst("1"), NOON)

    changed = {"match_cel": 'identity.startsWith("team-b:")'}
    await in_thread(update_budget, budget=budget, changes=changed, now=NOON)
    await ledger.settle(unheld.call, outcome("50"))
    await ledger.settle(held.call, outcome("1"))

    (window,) = facts.windows(acme)
    assert (window["settled_usd"], window["held_usd"]) == (1, 0)
    assert await run_call(ledger, kind.call()) == "ok"
    assert await run_call(ledger, call_of(acme, **other)) == "ok"
    assert await run_call(ledger, call_of(acme, **other)) == "spent"
    require_one_truth(facts, acme)


async def test_expressions_may_change_while_calls_fly(acme, facts, start):
    """Nothing is lost or counted twice, nothing stays held."""
    ledgers = [start(), start()]
    budgets = [
        await in_thread(make_match_budget, acme, cel, amount_usd=Decimal(500))
        for cel in ("true", 'identity == "user_1"', 'headers["absent"] == "x"')
    ]

    async def call_on(number):
        for i in range(12):
            at = NOON + timedelta(minutes=i)
            call = make_call(acme, f"user_{number % 3}", at=at)
            await run_call(ledgers[(number + i) % 2], call, costs="0.1")

    async def change():
        for i in range(9):
            changed = {"match_cel": f'identity == "user_{i % 2}"'}
            budget = budgets[i % 3]
            await in_thread(update_budget, budget=budget, changes=changed, now=NOON)

    await asyncio.gather(change(), *(call_on(number) for number in range(8)))

    assert len(facts.events(acme)) == 8 * 12
    assert facts.holds(acme) == []
    await run_call(ledgers[0], make_call(acme, "user_0"))
    assert facts.windows(acme)
    require_one_truth(facts, acme)


async def test_a_budget_that_goes_while_its_calls_fly_takes_nothing_along(
    acme, facts, ledger, kinds
):
    budget = await kinds["match"].budget()
    await kinds["workspace"].budget()
    admission = await ledger.admit(kinds["match"].call(), worst(), NOON)

    await in_thread(delete_budget, budget=budget)
    await ledger.settle(admission.call, outcome("0.5"))

    (window,) = facts.windows(acme)
    assert (window["settled_usd"], window["held_usd"]) == (Decimal("0.5"), 0)
    assert facts.holds(acme) == []
    require_one_truth(facts, acme)


async def test_what_a_scope_counts_is_kept_with_the_event(acme, facts, ledger, kinds):
    budget = await kinds["match"].budget()
    call = kinds["match"].call(**kinds["project"].own, **kinds["api_key"].own)

    await run_call(ledger, call)

    (event,) = facts.events(acme)
    assert event["project_id"] == "apollo"
    assert ids.show(event["api_key_id"]) == kinds["api_key"].target
    assert event["matched_budget_ids"] == [budget.pk]


TEAM = Facts({b"X-Team": b"blue"}, {"tier": "free"})


@pytest.mark.parametrize(
    "cel",
    [
        'headers["x-team"] == "blue"',
        'metadata.tier == "free" && provider == "orq"',
        'model == "orq/echo" && model_id == model',
        # These fail on the call: a missing key, a wrong type, a division by zero.
        'metadata.absent == "x"',
        "metadata.tier > 3",
        "1 / size(project) == 1",
    ],
)
async def test_an_expression_that_holds_or_fails_makes_the_budget_apply(
    acme, facts, ledger, cel
):
    """Nobody slips past a limit by leaving something out."""
    await in_thread(make_match_budget, acme, cel, amount_usd=Decimal(1))

    ends = [await run_call(ledger, make_call(acme), shows=TEAM) for _ in range(2)]

    assert ends == ["ok", "spent"]
    require_one_truth(facts, acme)


@pytest.mark.parametrize(
    "cel",
    [
        'headers["x-team"] == "red"',
        'has(metadata.absent) && metadata.absent == "x"',
        '"authorization" in headers',
    ],
)
async def test_an_expression_that_does_not_hold_leaves_the_call_alone(
    acme, facts, ledger, cel
):
    await in_thread(make_match_budget, acme, cel, amount_usd=Decimal(0))
    secret = Facts({**TEAM.headers, b"authorization": b"Bearer x"}, TEAM.metadata)

    assert await run_call(ledger, make_call(acme), shows=secret) == "ok"
    assert facts.windows(acme) == []


async def test_hostile_metadata_passes_no_expression_for_free(acme, ledger):
    """The work is bounded by the sizes of the call and of the expression."""
    cels = [
        'metadata.key1.matches("^(a+)+b$")',
        'metadata.exists(key, metadata[key].contains("b"))',
    ]
    for cel in cels:
        await in_thread(make_match_budget, acme, cel, amount_usd=Decimal(0))
    metadata = {f"key{number}": "a" * 500 + "b" for number in range(200)}

    end = await run_call(ledger, make_call(acme), shows=Facts({}, metadata))

    assert end == "spent"
