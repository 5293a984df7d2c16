"""POST /v2/reporting: what it answers, example by example; contract 10.1."""

from __future__ import annotations

from datetime import timedelta

import pytest

from metering.models import UsageEvent
from orqstudio.lib import ids
from tests.make import make_api_key, make_event, utc

MARCH = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
MICROSECOND = timedelta(microseconds=1)
NOON = utc("2026-03-15T12:00")


def ask(api, metric="genai.requests", **facts):
    """The answer to a report about March, which must be given."""
    answer = api.post("/v2/reporting", {"metric": metric, **MARCH, **facts})
    assert answer.status_code == 200, answer.content
    return answer.json()


def timestamps(answer):
    return [point["timestamp"].removesuffix(":00.000Z") for point in answer["data"]]


def values(answer):
    return [next(iter(point["metrics"].values())) for point in answer["data"]]


def labels(answer, name="identity"):
    return [point["dimensions"].get(name) for point in answer["data"]]


def test_the_whole_answer(api, workspace):
    make_event(workspace, "u1", occurred_at=utc("2026-03-02T10:00"), cost_usd="0.5")
    make_event(workspace, "u1", occurred_at=utc("2026-03-02T11:00"), cost_usd="0.25")
    make_event(workspace, "u2", occurred_at=utc("2026-03-04T00:00"), cost_usd=2)
    body = {
        "metric": "genai.cost",
        "from": "2026-03-01T00:00:00.5Z",
        "to": "2026-03-31T02:00:00+02:00",
        "grain": "day",
        "group_by": ["identity"],
        "filters": [{"field": "model", "op": "neq", "values": ["gpt-4o"]}],
        "limit": 10,
        "time_zone": "UTC",
        "include_totals": True,
        "mode": "timeseries",
        "sort": "desc",
    }

    answer = api.post("/v2/reporting", body)

    found = answer.json()
    request_id = found["meta"].pop("request_id")
    assert request_id == answer["X-Request-Id"]
    assert found == {
        "object": "report",
        "request": {
            **body,
            "from": "2026-03-01T00:00:00.500000Z",
            "to": "2026-03-31T00:00:00Z",
        },
        "data": [
            {
                "timestamp": "2026-03-02T00:00:00.000Z",
                "dimensions": {"identity": "u1"},
                "metrics": {"genai.cost": 0.75},
            },
            {
                "timestamp": "2026-03-04T00:00:00.000Z",
                "dimensions": {"identity": "u2"},
                "metrics": {"genai.cost": 2},
            },
        ],
        "totals": {"metrics": {"genai.cost": 2.75}},
        "has_more": False,
        "meta": {
            "effective_grain": "day",
            "row_count": 2,
            "currency": "USD",
            "warnings": [],
        },
    }


def test_only_what_was_asked_is_repeated_and_no_totals_come_unasked(api):
    nothing = dict.fromkeys(
        ["grain", "group_by", "filters", "limit", "time_zone", "mode", "sort"]
    )

    answer = ask(api, **nothing, include_totals=None)

    assert answer["request"] == {"metric": "genai.requests", **MARCH}
    assert "totals" not in answer


def test_usage_is_a_bundle_of_everything_recorded(api, workspace):
    make_event(
        workspace,
        occurred_at=NOON,
        cost_usd="0.0000000001",
        input_tokens=10,
        cached_tokens=4,
        output_tokens=6,
        reasoning_tokens=5,
    )
    make_event(workspace, occurred_at=NOON, cost_usd=1, status="failed")

    [point] = ask(api, "genai.usage", mode="scalar")["data"]

    assert point["metrics"] == {
        "request_count": 2,
        "error_count": 1,
        "input_tokens": 110,
        "cached_input_tokens": 4,
        "output_tokens": 56,
        "reasoning_tokens": 5,
        "total_tokens": 166,
        "total_cost": 1.0000000001,
    }


def test_errors_are_calls_that_failed_or_were_lost(api, workspace):
    for status in ("ok", "failed", "lost"):
        make_event(workspace, occurred_at=NOON, status=status)

    assert values(ask(api, "genai.errors")) == [2]
    assert values(ask(api, "genai.error_rate")) == [0.6666666667]


def test_percentiles_are_values_that_were_measured(api, workspace):
    for latency_ms in range(1, 101):
        make_event(
            workspace, occurred_at=NOON, latency_ms=latency_ms, ttft_ms=latency_ms // 2
        )
    make_event(workspace, occurred_at=NOON, latency_ms=0, status="lost")

    found = {
        name: values(ask(api, f"genai.{name}", mode="scalar"))
        for name in (
            "latency.p50",
            "latency.p95",
            "latency.p99",
            "ttft.p50",
            "ttft.avg",
        )
    }

    assert found == {
        "latency.p50": [50],
        "latency.p95": [95],
        "latency.p99": [99],
        "ttft.p50": [25],
        "ttft.avg": [25],
    }


def test_calls_that_did_not_stream_have_no_time_to_first_token(api, workspace):
    make_event(workspace, occurred_at=NOON)

    series = ask(api, "genai.ttft.p95", include_totals=True)
    scalar = ask(api, "genai.ttft.avg", mode="scalar")

    assert series["data"] == []
    assert series["totals"] == {"metrics": {}}
    assert scalar["data"] == [{"dimensions": {}, "metrics": {}}]


@pytest.mark.parametrize(
    ("metric", "empty"),
    [("genai.cost", 0), ("genai.requests", 0), ("genai.error_rate", 0)],
)
def test_where_nothing_was_used_sums_are_zero_and_series_empty(api, metric, empty):
    assert values(ask(api, metric, mode="scalar")) == [empty]
    assert ask(api, metric, mode="scalar", group_by=["model"])["data"] == []
    assert ask(api, metric, include_totals=True)["totals"] == {
        "metrics": {metric: empty}
    }


def test_calls_of_unknown_cost_are_warned_of(api, workspace):
    make_event(workspace, "u1", occurred_at=NOON, cost_usd=None)
    make_event(workspace, "u2", occurred_at=NOON, cost_usd=1)
    known = [{"field": "identity", "op": "eq", "values": ["u2"]}]

    assert ask(api, "genai.cost")["meta"]["warnings"] == [
        "cost_unknown_for_some_requests"
    ]
    assert ask(api, "genai.cost", filters=known)["meta"]["warnings"] == []
    assert ask(api, "genai.requests")["meta"]["warnings"] == []


def test_an_unknown_cost_beyond_the_limit_shows_in_the_totals_warning(api, workspace):
    make_event(workspace, "u1", occurred_at=NOON, cost_usd=1)
    make_event(workspace, "u2", occurred_at=NOON, cost_usd=None)
    facts = {"mode": "scalar", "group_by": ["identity"], "limit": 1}

    without = ask(api, "genai.cost", **facts)
    with_totals = ask(api, "genai.cost", **facts, include_totals=True)

    assert without["meta"]["warnings"] == []
    assert with_totals["meta"]["warnings"] == ["cost_unknown_for_some_requests"]


def test_usage_of_nobody_has_no_label(api, workspace):
    make_event(workspace, "", occurred_at=NOON)
    make_event(workspace, "u1", occurred_at=NOON, deployment_key="demo")

    by_identity = ask(api, group_by=["identity"])
    by_both = ask(api, group_by=["identity", "deployment", "api_key"])

    assert labels(by_identity) == [None, "u1"]
    assert [point["dimensions"] for point in by_both["data"]] == [
        {},
        {"identity": "u1", "deployment": "demo"},
    ]


def test_every_dimension_has_its_label_and_is_a_filter(api, workspace):
    key = make_api_key(workspace)
    make_event(
        workspace,
        "u1",
        occurred_at=NOON,
        model="gpt-4o",
        provider_key="openai",
        deployment_key="demo",
        api_key_id=key.pk,
        status="failed",
        http_status=502,
    )
    make_event(workspace, "", occurred_at=NOON, http_status=0)
    expected = {
        "identity": "u1",
        "model": "gpt-4o",
        "provider": "openai",
        "deployment": "demo",
        "api_key": key.public_id,
        "status_code": "failed",
        "http_status_code": "502",
    }

    for name, label in expected.items():
        rule = {"field": name, "op": "eq", "values": [label]}
        answer = ask(api, mode="scalar", group_by=[name], filters=[rule])
        others = ask(api, filters=[{**rule, "op": "neq"}])
        assert [point["dimensions"] for point in answer["data"]] == [{name: label}]
        assert values(answer) == values(others) == [1]


def test_filters_must_all_hold_and_lists_are_any_of(api, workspace):
    for user in ("u1", "u2", "u3"):
        for model in ("echo", "gpt-4o"):
            make_event(workspace, user, occurred_at=NOON, model=model)
    rules = [
        {"field": "identity", "op": "in", "values": ["u1", "u2", "u9"]},
        {"field": "identity", "op": "not_in", "values": ["u2", "u3"]},
        {"field": "model", "op": "neq", "values": ["echo"]},
    ]

    answer = ask(api, group_by=["identity", "model"], filters=rules)

    assert [point["dimensions"] for point in answer["data"]] == [
        {"identity": "u1", "model": "gpt-4o"}
    ]


def test_a_filter_by_the_empty_text_finds_what_belongs_to_nobody(api, workspace):
    make_event(workspace, "", occurred_at=NOON)
    make_event(workspace, "u1", occurred_at=NOON)
    nobody = [{"field": "identity", "op": "eq", "values": [""]}]

    assert values(ask(api, filters=nobody)) == [1]


def test_a_top_list_is_ordered_by_value_then_by_label(api, workspace):
    for user, cost_usd in [("b", 1), ("d", 3), ("a", 1), ("c", 2)]:
        make_event(workspace, user, occurred_at=NOON, cost_usd=cost_usd)
    facts = {"mode": "scalar", "group_by": ["identity"]}

    assert labels(ask(api, "genai.cost", **facts)) == ["d", "c", "a", "b"]
    assert labels(ask(api, "genai.usage", **facts)) == ["d", "c", "a", "b"]
    assert labels(ask(api, "genai.cost", **facts, sort="asc")) == ["a", "b", "c", "d"]


def test_what_the_limit_cuts_off_is_told_and_still_in_the_totals(api, workspace):
    for user in ("a", "b", "c"):
        make_event(workspace, user, occurred_at=NOON, cost_usd=1)
    facts = {"mode": "scalar", "group_by": ["identity"], "include_totals": True}

    cut = ask(api, "genai.cost", **facts, limit=2.0)
    whole = ask(api, "genai.cost", **facts, limit=3)

    assert (labels(cut), cut["has_more"]) == (["a", "b"], True)
    assert (labels(whole), whole["has_more"]) == (["a", "b", "c"], False)
    assert cut["totals"] == whole["totals"] == {"metrics": {"genai.cost": 3}}
    assert cut["meta"]["row_count"] == 2


@pytest.mark.parametrize("limit", [10**9, 10**30, 1e30, 1e300])
def test_a_limit_beyond_the_cap_is_the_cap(api, limit):
    assert ask(api, limit=limit)["request"]["limit"] == 5000


@pytest.mark.parametrize("metric", ["genai.requests", "genai.latency.p50"])
@pytest.mark.parametrize("mode", ["timeseries", "scalar"])
def test_from_belongs_to_the_report_and_to_does_not(api, workspace, metric, mode):
    first, last = utc("2026-03-10T09:30"), utc("2026-03-12T17:45")
    for moment in (first - MICROSECOND, first, last - MICROSECOND, last):
        make_event(workspace, "x", occurred_at=moment, latency_ms=7)
    bounds = {"from": first.isoformat(), "to": last.isoformat()}

    answer = ask(api, "genai.requests", **bounds, mode=mode)
    by_key = ask(api, "genai.requests", **bounds, mode=mode, group_by=["api_key"])

    assert sum(values(answer)) == sum(values(by_key)) == 2
    assert values(ask(api, metric, **bounds, mode=mode)) in ([2], [1, 1], [7], [7, 7])


def test_whole_days_are_read_from_the_daily_sums(api, workspace):
    """Events of whole days are gone here, and nothing misses them."""
    for day in range(10, 15):
        make_event(workspace, "u", occurred_at=utc(f"2026-03-{day}T09:00"), cost_usd=1)
        make_event(workspace, "u", occurred_at=utc(f"2026-03-{day}T15:00"), cost_usd=1)
    bounds = {
        "from": "2026-03-10T12:00:00Z",
        "to": "2026-03-14T12:00:00Z",
        "grain": "day",
    }
    UsageEvent.objects.filter(
        occurred_at__gte=utc("2026-03-11T00:00"),
        occurred_at__lt=utc("2026-03-14T00:00"),
    ).delete()
    daily = {"field": "model", "op": "eq", "values": ["orq/echo"]}

    series = ask(api, "genai.cost", **bounds, group_by=["identity"], filters=[daily])
    amsterdam = ask(api, "genai.cost", **bounds, time_zone="Europe/Amsterdam")

    assert values(series) == [1, 2, 2, 2, 1]
    assert values(ask(api, "genai.cost", **bounds, mode="scalar")) == [8]
    assert values(amsterdam) == [1, 1]


@pytest.mark.parametrize(
    ("hours", "grain"),
    [
        (1, "minute"),
        (6, "minute"),
        (7, "hour"),
        (168, "hour"),
        (169, "day"),
        (24 * 1100, "day"),
    ],
)
def test_auto_chooses_a_grain_that_fits_the_range(api, hours, grain):
    bounds = {
        "from": NOON.isoformat(),
        "to": (NOON + timedelta(hours=hours)).isoformat(),
    }

    for facts in ({}, {"grain": "auto"}):
        assert ask(api, **bounds, **facts)["meta"]["effective_grain"] == grain


def test_buckets_of_an_hour_and_a_minute(api, workspace):
    for clock in ("09:59:59.999999", "10:00", "10:00:59", "10:59", "11:00"):
        make_event(workspace, occurred_at=utc(f"2026-03-15T{clock}"))
    bounds = {"from": "2026-03-15T09:30:00Z", "to": "2026-03-15T12:00:00Z"}

    hours = ask(api, **bounds, grain="hour")
    minutes = ask(api, **bounds, grain="minute")

    assert timestamps(hours) == [
        "2026-03-15T09:00",
        "2026-03-15T10:00",
        "2026-03-15T11:00",
    ]
    assert values(hours) == [1, 3, 1]
    assert [each[-5:] for each in timestamps(minutes)] == [
        "09:59", "10:00", "10:59", "11:00",
    ]  # fmt: skip
    assert values(minutes) == [1, 2, 1, 1]


@pytest.mark.parametrize(
    ("zone", "moments", "days"),
    [
        (  # 23 hours: 29 March begins at +1 and ends at +2
            "Europe/Amsterdam",
            ["2026-03-28T22:59", "2026-03-28T23:00", "2026-03-29T21:59",
             "2026-03-29T22:00"],
            ["2026-03-27T23:00", "2026-03-28T23:00", "2026-03-28T23:00",
             "2026-03-29T22:00"],
        ),
        (  # 25 hours
            "America/New_York",
            ["2026-11-01T03:59", "2026-11-01T04:00", "2026-11-02T04:59",
             "2026-11-02T05:00"],
            ["2026-10-31T04:00", "2026-11-01T04:00", "2026-11-01T04:00",
             "2026-11-02T05:00"],
        ),
        (  # midnight comes twice, the day begins with the first
            "America/Havana",
            ["2026-11-01T03:59", "2026-11-01T04:00", "2026-11-01T05:30",
             "2026-11-02T05:00"],
            ["2026-10-31T04:00", "2026-11-01T04:00", "2026-11-01T04:00",
             "2026-11-02T05:00"],
        ),
        (  # there is no midnight, the day begins at 1 o'clock
            "America/Havana",
            ["2026-03-08T04:59", "2026-03-08T05:00"],
            ["2026-03-07T05:00", "2026-03-08T05:00"],
        ),
        (  # there is no 30 December
            "Pacific/Apia",
            ["2011-12-30T09:59", "2011-12-30T10:00"],
            ["2011-12-29T10:00", "2011-12-30T10:00"],
        ),
    ],
)  # fmt: skip
def test_days_begin_and_end_where_the_zone_says(api, workspace, zone, moments, days):
    for number, moment in enumerate(moments):
        make_event(workspace, f"u{number}", occurred_at=utc(moment))
    bounds = {
        "from": (utc(moments[0]) - timedelta(days=2)).isoformat(),
        "to": (utc(moments[-1]) + timedelta(days=2)).isoformat(),
    }

    answer = ask(api, **bounds, grain="day", time_zone=zone, group_by=["identity"])

    assert timestamps(answer) == days
    assert labels(answer) == [f"u{number}" for number in range(len(moments))]


@pytest.mark.parametrize(
    ("zone", "moments", "hours"),
    [
        ("Asia/Kolkata", ["2026-03-15T00:29", "2026-03-15T00:30"],
         ["2026-03-14T23:30", "2026-03-15T00:30"]),
        ("America/New_York", ["2026-11-01T05:30", "2026-11-01T06:30"],
         ["2026-11-01T05:00", "2026-11-01T06:00"]),
        # clocks change by half an hour: one bucket is 90 minutes long
        ("Australia/Lord_Howe", ["2026-04-04T14:30", "2026-04-04T15:15",
                                 "2026-04-04T15:30"],
         ["2026-04-04T14:00", "2026-04-04T14:00", "2026-04-04T15:30"]),
    ],
)  # fmt: skip
def test_hours_begin_where_the_clock_of_the_zone_is_full(
    api, workspace, zone, moments, hours
):
    for number, moment in enumerate(moments):
        make_event(workspace, f"u{number}", occurred_at=utc(moment))
    bounds = {"from": f"{moments[0]}:00Z", "to": f"{moments[-1]}:01Z"}

    answer = ask(api, **bounds, grain="hour", time_zone=zone, group_by=["identity"])

    assert timestamps(answer) == hours


def test_charlies_usage_is_in_no_report_of_ours(
    api, charlies_api, workspace, other_workspace
):
    theirs = make_api_key(other_workspace)
    make_event(other_workspace, "u1", occurred_at=NOON, api_key_id=theirs.pk)
    make_event(workspace, "u1", occurred_at=NOON, cost_usd=1)
    of_theirs = {"field": "api_key", "op": "eq", "values": [theirs.public_id]}

    for metric in ("genai.requests", "genai.latency.p50"):
        assert ask(api, metric, filters=[of_theirs])["data"] == []
        assert len(ask(charlies_api, metric, filters=[of_theirs])["data"]) == 1
    assert values(ask(api, mode="scalar")) == [1]
    assert values(ask(api, "genai.cost", group_by=["api_key"])) == [1]


def test_usage_of_a_deleted_key_keeps_its_label(api, workspace):
    gone = ids.new_id()
    make_event(workspace, "u1", occurred_at=NOON, api_key_id=gone)

    assert labels(ask(api, group_by=["api_key"]), "api_key") == [ids.show(gone)]
