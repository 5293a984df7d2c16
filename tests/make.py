"""Rows for tests: plain functions with keyword defaults, on the real database."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from identities import services as identities
from identities.models import ApiKey, Identity, Membership, Workspace
from metering import services as metering
from metering.models import Budget, UsageDaily, UsageEvent
from orqstudio.lib import ids


def utc(text: str) -> datetime:
    """Return the aware instant of an ISO text without zone: `2026-03-15T12:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_workspace(slug: str = "acme") -> Workspace:
    """A workspace with providers `orq` and `openai` and the deployment `demo`."""
    workspace = identities.create_workspace(slug=slug, name=slug.title())
    metering.prepare_workspace(workspace=workspace)
    return workspace


def make_user(name: str, workspace: Workspace, *, role: str = "owner") -> User:
    """A person with the password `<name>-password` and a role in the workspace."""
    user = User.objects.create_user(name, f"{name}@example.com", f"{name}-password")
    Membership.objects.create(workspace=workspace, user=user, role=role)
    return user


def make_key(workspace: Workspace, **facts: Any) -> str:
    """An API key of the workspace; returns its token."""
    return identities.issue_api_key(
        workspace=workspace, **{"name": "test", **facts}
    ).token


def make_api_key(workspace: Workspace, **facts: Any) -> ApiKey:
    """An API key of the workspace, for tests that need no token of it."""
    return identities.issue_api_key(
        workspace=workspace, **{"name": "test", **facts}
    ).api_key


def make_identity(
    workspace: Workspace, external_id: str = "user_1", **facts: Any
) -> Identity:
    """An identity; `facts` are further fields of it."""
    return identities.create_identity(
        workspace=workspace,
        external_id=external_id,
        **{"source": Identity.Source.API, **facts},
    )


def make_budget(workspace: Workspace, target: str = "user_1", **facts: Any) -> Budget:
    """A monthly hard budget of $10 on an identity; target "" means the workspace."""
    defaults = {
        "scope_kind": "identity" if target else "workspace",
        "scope_target": target,
        "period": "monthly",
        "amount_usd": Decimal(10),
        "token_limit": None,
        "now": timezone.now(),
    }
    return metering.create_budget(workspace=workspace, **{**defaults, **facts})


def make_match_budget(workspace: Workspace, match_cel: str, **facts: Any) -> Budget:
    """A monthly hard budget of $10 on the calls that an expression holds for."""
    scope = {"scope_kind": "match", "match_cel": match_cel}
    return make_budget(workspace, "", **{**scope, **facts})


def make_event(
    workspace: Workspace,
    external_id: str = "user_1",
    *,
    occurred_at: datetime | None = None,
    cost_usd: Decimal | str | float | None = "0.01",
    **facts: Any,
) -> UsageEvent:
    """A usage event with its share of usage_daily; cached windows are dropped.

    `cost_usd=None` is a call without a price, `status="failed"` one that failed.
    """
    moment = occurred_at or timezone.now()
    event = UsageEvent(
        **{
            "id": ids.id_at(moment),
            "workspace": workspace,
            "occurred_at": moment,
            "settled_at": moment,
            "external_id": external_id,
            "deployment_key": "",
            "operation": "chat",
            "provider_key": "orq",
            "model": "orq/echo",
            "input_tokens": 100,
            "cached_tokens": 0,
            "output_tokens": 50,
            "reasoning_tokens": 0,
            "is_estimated": False,
            "cost_usd": None if cost_usd is None else Decimal(str(cost_usd)),
            "price_source": "" if cost_usd is None else "built-in",
            "status": "ok",
            "http_status": 200,
            "error_code": "",
            "latency_ms": 20,
            "source": "gateway",
            "metadata": {},
            **facts,
        }
    )
    event.save(force_insert=True)
    _add_to_day(event)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM budget_window USING budget b "
            "WHERE b.id = budget_id AND b.workspace_id = %s",
            [workspace.pk],
        )
    return event


def _add_to_day(event: UsageEvent) -> None:
    row, _ = UsageDaily.objects.get_or_create(
        workspace_id=event.workspace_id,
        external_id=event.external_id,
        day=event.occurred_at.astimezone(UTC).date(),
        provider_key=event.provider_key,
        model=event.model,
    )
    row.requests += 1
    row.errors += event.status != "ok"
    row.unpriced += event.cost_usd is None
    row.input_tokens += event.input_tokens
    row.cached_tokens += event.cached_tokens
    row.output_tokens += event.output_tokens
    row.reasoning_tokens += event.reasoning_tokens
    row.cost_usd += event.cost_usd or 0
    row.latency_ms += event.latency_ms
    row.save()
