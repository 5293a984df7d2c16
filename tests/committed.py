"""For tests whose subject commits: real rows in workspaces deleted at the end.

The ledger and a server in other processes see nothing of a test's transaction, so
`db` here is the test database without one. Facts are read over a connection of
their own; inside an event loop Django runs in a thread, as it does in the product.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection

from orqstudio.lib import ids
from orqstudio.lib.database_url import conninfo
from tests.make import make_workspace

ZERO = Decimal(0)


async def in_thread(function: Callable[..., Any], *args: Any, **facts: Any) -> Any:
    """Run Django's synchronous code beside the event loop."""

    def work() -> Any:
        try:
            return function(*args, **facts)
        finally:
            connection.close()

    return await asyncio.to_thread(work)


class Facts:
    """The tables as they are, read over a connection of its own."""

    def __init__(self, conninfo: str) -> None:
        self.connection = psycopg.connect(
            conninfo, autocommit=True, row_factory=psycopg.rows.dict_row
        )

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Rows as dictionaries."""
        return self.connection.execute(sql, params).fetchall()

    def value(self, sql: str, *params: Any) -> Any:
        """The one value of the one row."""
        (row,) = self.rows(sql, *params)
        (value,) = row.values()
        return value

    def events(self, workspace) -> list[dict[str, Any]]:
        """All usage events of a workspace, in order of occurrence."""
        return self.rows(
            "SELECT * FROM usage_event WHERE workspace_id = %s "
            "ORDER BY occurred_at, id",
            workspace.pk,
        )

    def holds(self, workspace) -> list[dict[str, Any]]:
        """All holds of a workspace."""
        return self.rows(
            "SELECT * FROM hold WHERE workspace_id = %s ORDER BY id", workspace.pk
        )

    def windows(self, workspace) -> list[dict[str, Any]]:
        """All window rows of a workspace with the scope of their budget."""
        return self.rows(
            "SELECT w.*, b.scope_kind, b.scope_target FROM budget_window w "
            "JOIN budget b ON b.id = w.budget_id WHERE b.workspace_id = %s "
            "ORDER BY b.id, w.starts_at, w.ends_at",
            workspace.pk,
        )

    def days(self, workspace) -> list[dict[str, Any]]:
        """All daily rows of a workspace."""
        return self.rows(
            "SELECT * FROM usage_daily WHERE workspace_id = %s", workspace.pk
        )

    def refusals(self, budget) -> dict[str, int]:
        """Code -> how many calls the budget refused."""
        rows = self.rows(
            "SELECT code, sum(refusals)::int AS n FROM budget_refusal "
            "WHERE budget_id = %s GROUP BY code",
            budget.pk,
        )
        return {row["code"]: row["n"] for row in rows}

    def spent(self, workspace) -> Decimal:
        """The sum of all events' cost."""
        return sum((e["cost_usd"] or ZERO for e in self.events(workspace)), ZERO)


_TABLES_OF_WORKSPACE = (
    "membership",
    "hold",
    "usage_event",
    "usage_daily",
    "model_price",
    "deployment",
    "provider",
    "identity",
    "api_key",
)


def forget(workspace) -> None:
    """Delete everything of a workspace, so that no other test sees it."""
    with connection.cursor() as cursor:
        for table in ("budget_window", "budget_refusal"):
            cursor.execute(
                f"DELETE FROM {table} WHERE budget_id IN "
                "(SELECT id FROM budget WHERE workspace_id = %s)",
                [workspace.pk],
            )
        cursor.execute(
            "DELETE FROM api_key_secret WHERE api_key_id IN "
            "(SELECT id FROM api_key WHERE workspace_id = %s)",
            [workspace.pk],
        )
        for table in ("budget", *_TABLES_OF_WORKSPACE):
            cursor.execute(
                f"DELETE FROM {table} WHERE workspace_id = %s", [workspace.pk]
            )
        cursor.execute("DELETE FROM workspace WHERE id = %s", [workspace.pk])


@contextmanager
def committed_workspace():
    """A workspace that other connections see, deleted at the end."""
    made = make_workspace(f"w-{ids.show(ids.new_id()).lower()}")
    try:
        yield made
    finally:
        forget(made)


@pytest.fixture
def db(django_db_setup, django_db_blocker):
    """The test database; what is written is committed."""
    with django_db_blocker.unblock():
        yield
        connection.close()


@pytest.fixture
def acme(db):
    """The workspace of Alice and Bob, committed."""
    with committed_workspace() as made:
        yield made


@pytest.fixture
def globex(db):
    """Charlie's workspace, committed."""
    with committed_workspace() as made:
        yield made


@pytest.fixture
def database(db):
    """The connection string of the test database."""
    return conninfo(connection.settings_dict)


@pytest.fixture
def facts(database):
    """The tables as they are."""
    found = Facts(database)
    yield found
    found.connection.close()
