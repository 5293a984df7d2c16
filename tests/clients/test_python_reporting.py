"""orq-ai-sdk for Python, unmodified: reports of what was just used."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from orq_ai_sdk import Orq, models

from metering.reporting.catalogue import METRICS

pytestmark = [pytest.mark.contract, pytest.mark.slow]


@pytest.fixture
def used(orq, user):
    """Two calls of `user`; the bounds of a report that holds them."""
    for _ in range(2):
        orq.deployments.invoke(key="demo", http_headers={"X-ORQ-IDENTITY-ID": user})
    now = timezone.now()
    return {"from_": now - timedelta(hours=1), "to": now + timedelta(minutes=1)}


def only(user):
    """Return the filter for one identity."""
    return [{"field": "identity", "op": "eq", "values": [user]}]


def test_a_report_comes_back_whole(orq, user, used):
    report = orq.reporting.query(
        metric="genai.cost",
        **used,
        grain="hour",
        group_by=["identity", "model", "provider", "deployment"],
        filters=only(user),
        limit=10,
        time_zone="Europe/Amsterdam",
        include_totals=True,
        mode="timeseries",
        sort="desc",
    )

    assert report.object == "report"
    assert report.request.filters[0].values == [user]
    assert (report.request.from_, report.request.to) == tuple(used.values())
    assert sum(point.metrics["genai.cost"] for point in report.data) == 0.036
    for point in report.data:
        assert point.timestamp.utcoffset() == timedelta()
        assert point.dimensions == {
            "identity": user,
            "model": "echo",
            "provider": "orq",
            "deployment": "demo",
        }
    assert report.totals.metrics == {"genai.cost": 0.036}
    assert report.has_more is False
    assert report.meta.effective_grain == "hour"
    assert report.meta.row_count == len(report.data)
    assert (report.meta.currency, report.meta.warnings) == ("USD", [])
    assert len(report.meta.request_id) == 26


@pytest.mark.parametrize("metric", sorted(METRICS))
def test_every_metric_that_is_measured_is_answered(orq, user, used, metric):
    report = orq.reporting.query(
        metric=metric, **used, mode="scalar", filters=only(user)
    )

    [row] = report.data
    assert row.timestamp is None
    assert row.dimensions == {}
    if ".ttft." not in metric:  # these calls did not stream
        assert min(row.metrics.values()) >= 0


def test_a_key_reports_on_its_own_workspace_alone(proxy, used, new_workspace_key):
    with Orq(api_key=new_workspace_key, server_url=proxy.url) as other:
        report = other.reporting.query(
            metric="genai.requests", **used, include_totals=True
        )

    assert report.data == []
    assert report.totals.metrics == {"genai.requests": 0}


def test_what_is_not_measured_is_refused_once_and_typed(orq, proxy, used):
    with pytest.raises(models.APIDefaultError) as raised:
        orq.reporting.query(metric="genai.guardrail.runs", **used)

    assert raised.value.status_code == 400
    assert "genai.usage" in raised.value.body
    assert proxy.statuses("/v2/reporting") == [400]


def test_without_a_right_key_the_error_is_typed(proxy, used):
    with (
        Orq(api_key="sk-orq-unknown", server_url=proxy.url) as stranger,
        pytest.raises(models.ErrorResponse) as raised,
    ):
        stranger.reporting.query(metric="genai.requests", **used)

    assert raised.value.status_code == 401
    assert raised.value.data.code == 16
