"""Changes of budgets below the API: rules, locks, what goes together."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from identities.errors import IdentityNotFound, NotAuthorized
from identities.models import Identity
from metering import services
from metering.errors import (
    BudgetExists,
    BudgetExpiresInPast,
    BudgetNotFound,
    BudgetWithoutLimit,
)
from metering.ledger_sql import lock_key
from metering.models import Budget, Deployment, Provider
from tests.conftest import NOON
from tests.make import make_budget, make_identity, make_workspace


def test_a_prepared_workspace_has_providers_and_the_demo_however_often(workspace):
    Provider.objects.filter(key="openai").update(base_url="http://localhost:1/v1")

    services.prepare_workspace(workspace=workspace)

    providers = {row.key: (row.kind, row.secret_env) for row in Provider.objects.all()}
    demo = Deployment.objects.get()
    assert providers == {"orq": ("echo", ""), "openai": ("openai", "OPENAI_API_KEY")}
    assert Provider.objects.get(key="openai").base_url == "http://localhost:1/v1"
    assert (demo.key, demo.model, demo.provider.key) == ("demo", "orq/echo", "orq")
    assert demo.messages == [{"role": "user", "content": "Hello from orqstudio."}]


def test_a_taken_scope_leaves_the_transaction_usable(workspace):
    make_budget(workspace, "u")

    with transaction.atomic():
        with pytest.raises(BudgetExists, match="identity u"):
            make_budget(workspace, "u")
        make_budget(workspace, "v")

    assert Budget.objects.count() == 2


def test_the_error_of_the_workspace_budget_reads_well(workspace):
    make_budget(workspace, "")

    with pytest.raises(BudgetExists, match="The workspace has a budget already"):
        make_budget(workspace, "")


def test_a_budget_without_any_limit_is_refused(workspace):
    with pytest.raises(BudgetWithoutLimit):
        make_budget(workspace, "u", amount_usd=None)
    budget = make_budget(workspace, "u")
    with pytest.raises(BudgetWithoutLimit):
        services.update_budget(budget=budget, changes={"amount_usd": None}, now=NOON)


@pytest.mark.parametrize("is_active", [True, False])
def test_only_an_active_budget_needs_an_end_in_the_future(workspace, is_active):
    facts = {"expires_at": NOON, "now": NOON, "is_active": is_active}

    if is_active:
        with pytest.raises(BudgetExpiresInPast):
            make_budget(workspace, "u", **facts)
    else:
        assert make_budget(workspace, "u", **facts).expires_at == NOON


def test_an_update_keeps_what_somebody_else_changed_meanwhile(workspace):
    mine = make_budget(workspace, "u")
    theirs = Budget.objects.get()

    services.update_budget(budget=theirs, changes={"token_limit": 5}, now=NOON)
    later = NOON + timedelta(hours=1)
    changes = {"amount_usd": Decimal(3)}
    result = services.update_budget(budget=mine, changes=changes, now=later)

    assert (result.token_limit, result.amount_usd) == (5, 3)
    assert Budget.objects.get().updated_at == later


@pytest.mark.parametrize("name", ["scope_target", "reset_at", "workspace"])
def test_what_never_changes_cannot_be_named_as_a_change(workspace, name):
    budget = make_budget(workspace, "u")

    with pytest.raises(ValueError, match=name):
        services.update_budget(budget=budget, changes={name: "x"}, now=NOON)


def test_what_was_deleted_meanwhile_is_not_found(workspace):
    budget = make_budget(workspace, "u")
    Budget.objects.all().delete()

    with pytest.raises(BudgetNotFound):
        services.update_budget(budget=budget, changes={"is_active": True}, now=NOON)
    with pytest.raises(BudgetNotFound):
        services.reset_budget(budget=budget, now=NOON)
    with pytest.raises(BudgetNotFound):
        services.delete_budget(budget=budget)


def test_the_budget_stays_when_the_identity_was_deleted_meanwhile(workspace):
    jane = make_identity(workspace, "jane")
    make_budget(workspace, "jane")
    Identity.objects.all().delete()

    with pytest.raises(IdentityNotFound):
        services.delete_identity_and_budget(identity=jane, may_delete_budget=True)

    assert Budget.objects.exists()


def test_a_budget_made_meanwhile_is_not_lifted_without_the_right(workspace):
    jane = make_identity(workspace, "jane")
    make_budget(workspace, "jane")

    with pytest.raises(NotAuthorized):
        services.delete_identity_and_budget(identity=jane, may_delete_budget=False)

    assert Identity.objects.count() == Budget.objects.count() == 1


CHANGES = {
    "create": lambda workspace, _: make_budget(workspace, "new"),
    "update": lambda _, budget: services.update_budget(
        budget=budget, changes={"is_active": False}, now=NOON
    ),
    "reset": lambda _, budget: services.reset_budget(budget=budget, now=NOON),
    "delete": lambda _, budget: services.delete_budget(budget=budget),
    "delete_identity": lambda _, __: services.delete_identity_and_budget(
        identity=Identity.objects.get(), may_delete_budget=True
    ),
}


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", CHANGES)
def test_every_change_waits_for_the_batches_that_are_under_way(name):
    """A batch of the ledger holds the workspace's lock shared until it commits."""
    workspace = make_workspace("acme")
    make_identity(workspace, "u")
    budget = make_budget(workspace, "u")
    done = threading.Event()

    def change():
        try:
            CHANGES[name](workspace, budget)
            done.set()
        finally:
            connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        key = lock_key(workspace.pk)
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [key])
        thread = threading.Thread(target=change)
        thread.start()
        wait_until_somebody_waits(cursor)
        assert not done.is_set()
    thread.join(timeout=30)

    assert done.is_set()


def wait_until_somebody_waits(cursor):
    """Return once a session waits for an advisory lock; the test times out if none."""
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    for _ in range(100_000):
        cursor.execute(waiting)
        if cursor.fetchone():
            return
    pytest.fail("nobody waits for the lock")
