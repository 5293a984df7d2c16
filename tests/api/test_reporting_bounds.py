"""A report never stalls the rest: its time, its threads and its cores are bounded."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from metering.reporting import answers
from orqstudio.lib.database_url import conninfo
from tests.api.operations import REPORT


@pytest.fixture
def locked_events(db):
    """Another connection that keeps everybody from reading usage events."""
    with psycopg.connect(conninfo(connection.settings_dict)) as other:
        other.execute("LOCK TABLE usage_event IN ACCESS EXCLUSIVE MODE")
        yield other
        other.rollback()


@pytest.fixture
def slots():
    """All slots for reports, taken by others."""
    for _ in range(answers.AT_ONCE):
        assert answers.SLOTS.acquire(blocking=False)
    yield
    answers.SLOTS.release(answers.AT_ONCE)


def test_a_report_that_takes_too_long_is_given_up(api, settings, locked_events):
    settings.REPORT_TIMEOUT_S = 0.2

    answer = api.post("/v2/reporting", REPORT)

    found = answer.json()
    assert (answer.status_code, found["code"]) == (400, 3)
    assert found["message"].startswith("The report takes longer than 0.2 seconds.")


def test_after_one_that_was_given_up_the_next_is_answered(api, settings, locked_events):
    settings.REPORT_TIMEOUT_S = 0.2
    api.post("/v2/reporting", REPORT)
    locked_events.rollback()

    assert api.post("/v2/reporting", REPORT).status_code == 200
    assert answers.SLOTS.acquire(blocking=False)
    answers.SLOTS.release()


def test_when_too_many_are_computed_the_next_is_asked_to_come_back(api, slots):
    answer = api.post("/v2/reporting", REPORT)

    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"
    assert "code" not in answer.json()
    assert api.get("/v2/identities").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_bounds_end_with_the_report(api):
    assert api.post("/v2/reporting", REPORT).status_code == 200

    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
