"""Any report about any events equals the plain sum over those events."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.models import UsageDaily, UsageEvent
from metering.reporting.catalogue import METRICS
from orqstudio.lib import ids
from tests.api.report_reference import COLUMNS, expected_answer
from tests.make import make_event, utc

KEYS = [ids.id_at(utc("2026-01-01T00:00")), ids.id_at(utc("2026-01-02T00:00"))]
CHANGES_OF_CLOCKS = [utc("2026-03-08T00:00"), utc("2026-11-01T00:00")]
"""In New York and Havana; in Havana it is midnight that comes twice, or never."""
ZONES = ["", "UTC", "America/New_York", "America/Havana", "Asia/Kolkata"]
SPAN_S = 3 * 86_400

moments = (
    st.integers(-SPAN_S, SPAN_S)
    | st.sampled_from([0, 86_400, -86_400, 14_400, 18_000, 3600])
).map(lambda seconds: timedelta(seconds=seconds))
tokens = st.integers(0, 50)


@st.composite
def calls(draw):
    read, written = draw(tokens), draw(tokens)
    price = draw(st.none() | st.decimals(0, 100, places=10))
    return {
        "external_id": draw(st.sampled_from(["", "u1", "u2", "é"])),
        "cost_usd": price,
        "provider_key": draw(st.sampled_from(["orq", "openai"])),
        "model": draw(st.sampled_from(["echo", "Zeta", "alpha"])),
        "deployment_key": draw(st.sampled_from(["", "demo"])),
        "api_key_id": draw(st.sampled_from([None, *KEYS])),
        "status": draw(st.sampled_from(["ok", "ok", "failed", "lost"])),
        "http_status": draw(st.sampled_from([0, 200, 429, 500])),
        "input_tokens": read,
        "cached_tokens": draw(st.integers(0, read)),
        "output_tokens": written,
        "reasoning_tokens": draw(st.integers(0, written)),
        "latency_ms": draw(st.integers(0, 9)),
        "ttft_ms": draw(st.none() | st.integers(0, 9)),
    }


VALUES = {
    "identity": ["", "u1", "u2", "é", "nobody"],
    "model": ["echo", "Zeta", "alpha", "ALPHA"],
    "provider": ["orq", "openai"],
    "deployment": ["", "demo"],
    "api_key": [ids.show(key) for key in KEYS],
    "status_code": ["ok", "failed", "lost"],
    "http_status_code": ["200", "429", "500"],
}


@st.composite
def filters(draw):
    field = draw(st.sampled_from(sorted(COLUMNS)))
    op = draw(st.sampled_from(["eq", "neq", "in", "not_in"]))
    most = 1 if op in {"eq", "neq"} else 3
    values = st.lists(st.sampled_from(VALUES[field]), min_size=1, max_size=most)
    return {"field": field, "op": op, "values": draw(values)}


@st.composite
def questions(draw, around):
    first, last = sorted([around + draw(moments), around + draw(moments)])
    last = max(last, first + timedelta(seconds=1))
    is_short = last - first <= timedelta(days=3)
    grains = ["minute", "hour", "day"] if is_short else ["hour", "day"]
    return {
        "metric": draw(st.sampled_from(sorted(METRICS))),
        "from": first.isoformat(),
        "to": last.isoformat(),
        "grain": draw(st.sampled_from(grains)),
        "group_by": draw(
            st.lists(st.sampled_from(sorted(COLUMNS)), max_size=3, unique=True)
        ),
        "filters": draw(st.lists(filters(), max_size=2)),
        "limit": draw(st.sampled_from([1, 2, 5000])),
        "time_zone": draw(st.sampled_from(ZONES)),
        "include_totals": draw(st.booleans()),
        "mode": draw(st.sampled_from(["timeseries", "scalar"])),
        "sort": draw(st.sampled_from(["asc", "desc"])),
    }


@pytest.mark.slow
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_a_report_is_the_sum_of_the_events(api, workspace, other_workspace, data):
    UsageEvent.objects.all().delete()
    UsageDaily.objects.all().delete()
    around = data.draw(st.sampled_from(CHANGES_OF_CLOCKS))
    events = [
        make_event(workspace, occurred_at=around + moment, **call)
        for moment, call in data.draw(
            st.lists(st.tuples(moments, calls()), max_size=12), label="calls"
        )
    ]
    make_event(other_workspace, "u1", occurred_at=around, cost_usd=1000)

    for body in data.draw(st.lists(questions(around), min_size=4, max_size=4)):
        answer = api.post("/v2/reporting", body)

        rows, totals = expected_answer(events, body)
        limit = body["limit"]
        found = answer.json()
        assert answer.status_code == 200, found
        assert found["data"] == rows[:limit]
        assert found["has_more"] == (len(rows) > limit)
        assert found["meta"]["row_count"] == len(rows[:limit])
        assert found.get("totals") == (
            {"metrics": totals} if body["include_totals"] else None
        )
