"""What tests of the ledger share: calls, outcomes, and the plain truth to compare to.

Sums are taken here in plain Python over single rows, not by the ledger's SQL.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from metering.admission import Estimate
from metering.calls import Call, Outcome, Status
from metering.ledger.actor import Ledger
from metering.ledger.requests import NO_FACTS
from metering.matching import Facts as Shown
from metering.periods import Window
from metering.pricing import Tokens
from orqstudio.lib import ids
from tests.committed import Facts
from tests.conftest import NOON
from tests.serving import PATIENCE_S

ZERO = Decimal(0)
AMOUNTS = (
    "settled_usd",
    "settled_tokens",
    "settled_requests",
    "held_usd",
    "held_tokens",
    "held_requests",
)


def make_call(
    workspace, external_id="user_1", *, at: datetime = NOON, **facts: Any
) -> Call:
    """A call of an identity at noon, of the echo model."""
    return Call(
        **{
            "id": ids.id_at(at),
            "workspace_id": workspace.pk,
            "occurred_at": at,
            "external_id": external_id,
            "api_key_id": None,
            "deployment_key": "",
            "operation": "chat",
            "provider_key": "orq",
            "model": "echo",
            **facts,
        }
    )


def worst(usd: str | None = "1", tokens: int = 10) -> Estimate:
    """An estimate; None is an unknown price, which the workspace allows."""
    cost = None if usd is None else Decimal(usd)
    return Estimate(cost, tokens, is_unpriced_refused=False)


def outcome(
    usd: str | Decimal | None = "1", tokens: int | Tokens = 10, **facts: Any
) -> Outcome:
    """A good end; a plain number of tokens is all input."""
    used = tokens if isinstance(tokens, Tokens) else Tokens(input=tokens)
    return Outcome(
        **{
            "settled_at": NOON,
            "status": Status.OK,
            "http_status": 200,
            "tokens": used,
            "cost_usd": None if usd is None else Decimal(usd),
            **facts,
        }
    )


LOST = outcome(None, 0, status=Status.LOST, http_status=0)


async def run_call(
    ledger: Ledger, call: Call, *, most="1", costs="1", shows: Shown = NO_FACTS
) -> str:
    """Make one call; `ok`, or the reason it was refused for."""
    admission = await ledger.admit(call, worst(most), call.occurred_at, shows)
    if admission.refusal is not None:
        return admission.refusal.reason.value
    await asyncio.sleep(0)  # the provider works; others get their turn
    await ledger.settle(admission.call, outcome(costs))
    return "ok"


async def until(condition: Callable[[], Any], what: str) -> Any:
    """Return what `condition` returns once it is true; fail after a long time."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(what)


def is_of(row: dict[str, Any], kind: str, target: str, window: Window) -> bool:
    """Whether an event or a hold counts in a window of a scope."""
    in_time = window.starts_at <= row["occurred_at"] < window.ends_at
    return in_time and COUNTS[kind](row, target)


COUNTS: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "workspace": lambda _row, _target: True,
    "identity": lambda row, target: row["external_id"] == target,
    "project": lambda row, target: row["project_id"] == target,
    "api_key": lambda row, target: row["api_key_id"] == ids.parse(target),
    "provider": lambda row, target: row["provider_key"] == target,
    "model": lambda row, target: f"{row['provider_key']}/{row['model']}" == target,
    "match": lambda row, target: ids.parse(target) in row["matched_budget_ids"],
}
"""Scope kind -> whether a row is of a target."""


def sum_window(
    events: list[dict[str, Any]],
    holds: list[dict[str, Any]],
    kind: str,
    target: str,
    window: Window,
) -> dict[str, Any]:
    """The definition of a window's numbers, in plain Python over single rows."""
    own = [e for e in events if is_of(e, kind, target, window)]
    held = [h for h in holds if is_of(h, kind, target, window)]
    numbers = (
        sum((e["cost_usd"] or ZERO for e in own), ZERO),
        sum(e["input_tokens"] + e["output_tokens"] for e in own),
        len(own),
        sum((h["held_usd"] for h in held), ZERO),
        sum(h["held_tokens"] for h in held),
        len(held),
    )
    return dict(zip(AMOUNTS, numbers, strict=True))


def require_one_truth(facts: Facts, workspace) -> None:
    """Every cached number equals the plain sum of the rows it stands for."""
    events, holds = facts.events(workspace), facts.holds(workspace)
    for row in facts.windows(workspace):
        window = Window(row["starts_at"], row["ends_at"])
        expected = sum_window(
            events, holds, row["scope_kind"], row["scope_target"], window
        )
        assert {name: row[name] for name in AMOUNTS} == expected
    assert _by_day(facts.days(workspace)) == _sum_days(events)


DAY_KEY = ("external_id", "day", "provider_key", "model")
DAY_SUMS = (
    "requests",
    "errors",
    "unpriced",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "latency_ms",
)


def _by_day(days: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {
        tuple(day[name] for name in DAY_KEY): {name: day[name] for name in DAY_SUMS}
        for day in days
    }


def _sum_days(events: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    days: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(
        lambda: dict.fromkeys(DAY_SUMS, 0)
    )
    for event in events:
        day = event["occurred_at"].astimezone(UTC).date()
        whose = (event["external_id"], day, event["provider_key"], event["model"])
        sums = days[whose]
        sums["requests"] += 1
        sums["errors"] += event["status"] != "ok"
        sums["unpriced"] += event["cost_usd"] is None
        sums["cost_usd"] += event["cost_usd"] or ZERO
        for name in DAY_SUMS[3:7]:
            sums[name] += event[name]
        sums["latency_ms"] += event["latency_ms"]
    return dict(days)
