"""Whatever the rows, the sort and the page size: pages joined are the whole list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identities.models import Identity
from metering.models import Budget
from orqstudio.lib import ids
from tests.conftest import NOON

SETTINGS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
minutes = st.integers(0, 3)  # few, so that many rows tie
names = st.sampled_from(["", "a", "A", "b", "é", "ß", "z"])


def read_page(api, path, key, **query):
    """Return the ids of one page, and whether there is more."""
    body = api.get(path, **query).json()
    return [row[key] for row in body["data"]], body["has_more"]


def walk_forward(api, path, key, **query):
    """Return all ids, page after page."""
    rows, has_more = read_page(api, path, key, **query)
    while has_more:
        page, has_more = read_page(api, path, key, **query, starting_after=rows[-1])
        rows += page
    return rows


def walk_backward(api, path, key, last, **query):
    """Return all ids, read backwards from the last one."""
    rows, has_more = [last], True
    while has_more:
        page, has_more = read_page(api, path, key, **query, ending_before=rows[0])
        rows = page + rows
    return rows


def check_pages(api, path, key, limit, **query):
    """Return the list in one piece, after comparing both walks with it."""
    whole, _ = read_page(api, path, key, limit=200, **query)
    assert len(set(whole)) == len(whole)
    assert walk_forward(api, path, key, limit=limit, **query) == whole
    if whole:
        last = whole[-1]
        assert walk_backward(api, path, key, last, limit=limit, **query) == whole
    return whole


@pytest.mark.parametrize("sort", [None, "DISPLAY_NAME", "UPDATED"])
@SETTINGS
@given(
    rows=st.lists(st.tuples(names, minutes), max_size=9),
    limit=st.integers(1, 4),
)
def test_identities(api, workspace, sort, rows, limit):
    Identity.objects.all().delete()
    Identity.objects.bulk_create(
        Identity(
            workspace=workspace,
            external_id=f"u{number}",
            display_name=name,
            updated_at=NOON + timedelta(minutes=minute),
        )
        for number, (name, minute) in enumerate(rows)
    )
    query = {"sort_by": f"IDENTITY_SORT_FIELD_{sort}"} if sort else {}

    whole = check_pages(api, "/v2/identities", "_id", limit, **query)

    assert len(whole) == len(rows)


@pytest.mark.parametrize("sort", [None, "UPDATED_AT", "CREATED_AT", "EXPIRES_AT"])
@SETTINGS
@given(
    rows=st.lists(st.tuples(minutes, minutes, st.none() | minutes), max_size=9),
    limit=st.integers(1, 4),
)
def test_budgets(api, workspace, sort, rows, limit):
    Budget.objects.all().delete()
    Budget.objects.bulk_create(
        Budget(
            id=ids.new_id(),
            workspace=workspace,
            scope_kind="identity",
            scope_target=f"u{number}",
            period="daily",
            token_limit=1,
            created_at=NOON + timedelta(minutes=created),
            updated_at=NOON + timedelta(minutes=updated),
            expires_at=None if ends is None else NOON + timedelta(minutes=ends),
        )
        for number, (created, updated, ends) in enumerate(rows)
    )
    query = {"sort_by": f"BUDGET_SORT_FIELD_{sort}"} if sort else {}

    whole = check_pages(api, "/v2/budgets", "budgetId", limit, **query)

    assert len(whole) == len(rows)
