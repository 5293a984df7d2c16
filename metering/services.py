"""Changes of budgets, and what a workspace needs before its first call.

Every change of budgets first takes the workspace's exclusive lock, so that no
batch of the ledger decides by half of it, and drops the windows it makes wrong:
windows are caches, the next use computes them anew.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from identities.errors import NotAuthorized
from identities.services import delete_identity
from metering.budget_rules import number_alerts, require_room, require_sense
from metering.errors import BudgetExists, BudgetNotFound
from metering.ledger_sql import lock_budgets_exclusively
from metering.models import Budget, BudgetWindow, Deployment, Provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from identities.models import Identity, Workspace

CHANGEABLE = frozenset(
    {
        "period",
        "time_zone",
        "week_starts_on",
        "amount_usd",
        "token_limit",
        "requests_per_minute",
        "match_cel",
        "alerts",
        "mode",
        "is_active",
        "expires_at",
    }
)
"""Fields of a budget that may change; its scope never does."""
SHAPES_WINDOWS = frozenset(
    {"period", "time_zone", "week_starts_on", "reset_at", "match_cel"}
)

DEMO_DEPLOYMENT = "demo"
DEMO_MODEL = "orq/echo"
DEMO_MESSAGES = [{"role": "user", "content": "Hello from orqstudio."}]


def prepare_workspace(*, workspace: Workspace) -> None:
    """Give a workspace its providers and the deployment `demo`; idempotent."""
    with transaction.atomic():
        echo, _ = Provider.objects.get_or_create(
            workspace=workspace, key="orq", defaults={"kind": Provider.Kind.ECHO}
        )
        Provider.objects.get_or_create(
            workspace=workspace,
            key="openai",
            defaults={"kind": Provider.Kind.OPENAI, "secret_env": "OPENAI_API_KEY"},
        )
        Deployment.objects.get_or_create(
            workspace=workspace,
            key=DEMO_DEPLOYMENT,
            defaults={
                "description": "The built-in echo model; needs no provider key.",
                "provider": echo,
                "model": DEMO_MODEL,
                "messages": DEMO_MESSAGES,
            },
        )


def create_budget(
    *,
    workspace: Workspace,
    scope_kind: str,
    scope_target: str,
    period: str,
    amount_usd: Decimal | None,
    token_limit: int | None,
    requests_per_minute: int | None = None,
    match_cel: str = "",
    alerts: Sequence[Mapping[str, Any]] = (),
    mode: str = "hard",
    time_zone: str = "UTC",
    week_starts_on: int = 1,
    is_active: bool = True,
    expires_at: datetime | None = None,
    now: datetime,
) -> Budget:
    """Create the budget of a scope; it counts what its open window already holds.

    What `scope_target` names need not exist yet, an API key excepted. A budget of
    kind `match` has no target, and counts the calls from now on that `match_cel`
    holds for.

    Raises:
        BudgetExists: the scope has one.
        TooManyExpressions: the workspace has as many as it may.
        MeteringError: see `metering.budget_rules.require_sense`.
    """
    budget = Budget(
        workspace=workspace,
        scope_kind=scope_kind,
        scope_target=scope_target,
        period=period,
        time_zone=time_zone,
        week_starts_on=week_starts_on,
        amount_usd=amount_usd,
        token_limit=token_limit,
        requests_per_minute=requests_per_minute,
        match_cel=match_cel,
        alerts=number_alerts(alerts, known=()),
        mode=mode,
        is_active=is_active,
        expires_at=expires_at,
        created_at=now,
        updated_at=now,
    )
    if scope_kind == Budget.ScopeKind.MATCH:
        budget.scope_target = budget.public_id
    require_sense(budget, _RULED, now)
    with _changing_budgets(workspace.pk):
        require_room(budget)
        _insert(budget)
    return budget


_RULED = CHANGEABLE | {"scope_target"}


def update_budget(
    *, budget: Budget, changes: Mapping[str, Any], now: datetime
) -> Budget:
    """Set the given fields alone; what is spent in the open window stays counted.

    A changed expression decides about calls from now on; calls that the old one
    counted stay counted, those under way too.

    Returns:
        The budget as it now is, concurrent changes of other fields included.

    Raises:
        BudgetNotFound: it was deleted meanwhile.
        AlertUnknown: an alert is named that it does not have.
        MeteringError: see `metering.budget_rules.require_sense`.
        ValueError: a field that cannot change is named.
    """
    if unknown := set(changes) - CHANGEABLE:
        raise ValueError(sorted(unknown))
    with _changing_budgets(budget.workspace_id):
        fresh = _fresh(budget)
        known = fresh.alerts
        for name, value in changes.items():
            setattr(fresh, name, value)
        if "alerts" in changes:
            fresh.alerts = number_alerts(changes["alerts"], known=known)
        require_sense(fresh, changes.keys(), now)
        _save(fresh, changes, now)
    return fresh


def reset_budget(*, budget: Budget, now: datetime) -> Budget:
    """Count only what happens from `now` on; past usage events stay as they are.

    Raises:
        BudgetNotFound: it was deleted meanwhile.
    """
    with _changing_budgets(budget.workspace_id):
        fresh = _fresh(budget)
        fresh.reset_at = now
        _save(fresh, {"reset_at"}, now)
    return fresh


def delete_budget(*, budget: Budget) -> None:
    """Delete the budget with its windows; usage events stay.

    Raises:
        BudgetNotFound: it was deleted meanwhile.
    """
    with _changing_budgets(budget.workspace_id):
        _fresh(budget).delete()


def delete_identity_and_budget(*, identity: Identity, may_delete_budget: bool) -> None:
    """Delete an identity and the budget of its external_id, both or neither.

    Args:
        identity: whose record goes.
        may_delete_budget: whether the caller may lift a limit.

    Raises:
        NotAuthorized: it has a budget, and the caller may not delete budgets.
        IdentityNotFound: it was deleted meanwhile.
    """
    with _changing_budgets(identity.workspace_id):
        deleted, _ = Budget.objects.filter(
            workspace=identity.workspace_id,
            scope_kind=Budget.ScopeKind.IDENTITY,
            scope_target=identity.external_id,
        ).delete()
        if deleted and not may_delete_budget:
            raise NotAuthorized
        delete_identity(identity=identity)


@contextmanager
def _changing_budgets(workspace_id: UUID) -> Iterator[None]:
    """Hold the workspace's exclusive budget lock until the transaction ends."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            lock_budgets_exclusively(cursor, workspace_id)
        yield


def _insert(budget: Budget) -> None:
    try:
        with transaction.atomic():  # a savepoint: callers may hold a transaction
            budget.save(force_insert=True)
    except IntegrityError as violation:
        if "budget_one_per_scope_uniq" not in str(violation):
            raise
        raise BudgetExists(budget.scope_kind, budget.scope_target) from None


def _fresh(budget: Budget) -> Budget:
    """Return the row as it is now that the lock is held."""
    found = Budget.objects.filter(pk=budget.pk).first()
    if found is None:
        raise BudgetNotFound
    return found


def _save(budget: Budget, changed: Mapping[str, Any] | set[str], now: datetime) -> None:
    budget.updated_at = now
    budget.save(update_fields=[*changed, "updated_at"])
    if SHAPES_WINDOWS & set(changed):
        BudgetWindow.objects.filter(budget=budget).delete()
