"""What no report can be made of: 400 with the envelope, naming what is wrong."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.api.test_bad_input import NOT_TEXT, with_value
from tests.make import utc

BODY = {
    "metric": "genai.requests",
    "from": "2026-03-01T00:00:00Z",
    "to": "2026-03-02T00:00:00Z",
    "filters": [{"field": "identity", "op": "in", "values": ["u1"]}],
}
NOT_TIME = [
    *NOT_TEXT,
    None,
    "",
    "now",
    "2026-03-01",
    "2026-03-01T00:00:00",
    "2026-13-01T00:00:00Z",
]
FIELDS = {
    "metric": [
        *NOT_TEXT,
        None,
        "",
        "genai",
        "requests",
        "GENAI.REQUESTS",
        "genai.evaluator.runs",
        "genai.evaluator.pass_rate",
        "genai.evaluator.score.avg",
        "genai.guardrail.runs",
        "genai.guardrail.block_rate",
        "genai.guardrail.triggered",
        "genai.latency.p90",
        "genai.requests; DROP TABLE usage_event",
    ],
    "from": [*NOT_TIME, "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z",
             "1999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"],
    "to": [*NOT_TIME, "2026-03-01T00:00:00Z", "2100-01-01T00:00:01Z",
           "9999-12-31T23:59:59Z"],
    "grain": [*NOT_TEXT, "", "week", "month", "second", "DAY"],
    "group_by": [
        "identity",
        1,
        True,
        {},
        [1],
        [None],
        [""],
        [["identity"]],
        ["external_id"],
        ["identity", "tag"],
        ["model"] * 8,
        ["model, pg_sleep(9)"],
        *[[name] for name in (
            "project", "product", "credential_type", "dimension", "agent", "tool",
            "evaluator", "dataset", "prompt", "policy", "thread", "result_label",
        )],
    ],
    "filters": [
        "identity",
        1,
        True,
        {},
        [1],
        ["x"],
        [None],
        [[]],
        [{}],
        BODY["filters"] * 21,
        [{"field": "identity", "op": "eq"}],
        [{"field": "identity", "values": ["x"]}],
        [{"op": "eq", "values": ["x"]}],
        [{"field": "billing_billable", "op": "eq", "values": ["1"]}],
        [{"field": "tag", "op": "eq", "values": ["x"]}],
        [{"field": "identity", "op": "like", "values": ["x"]}],
        [{"field": "identity", "op": "eq", "values": []}],
        [{"field": "identity", "op": "eq", "values": "x"}],
        [{"field": "identity", "op": "eq", "values": [1]}],
        [{"field": "identity", "op": "eq", "values": [None]}],
        [{"field": "identity", "op": "eq", "values": ["a", "b"]}],
        [{"field": "identity", "op": "neq", "values": ["a", "b"]}],
        [{"field": "identity", "op": "in", "values": ["a"] * 101}],
        [{"field": "identity", "op": "in", "values": ["x" * 501]}],
        [{"field": "api_key", "op": "eq", "values": ["my key"]}],
        [{"field": "api_key", "op": "eq", "values": [""]}],
        [{"field": "http_status_code", "op": "in", "values": ["200", "ok"]}],
        [{"field": "http_status_code", "op": "eq", "values": ["99999"]}],
        [{"field": "http_status_code", "op": "eq", "values": ["٢٠٠"]}],
    ],
    "limit": ["10", True, [], {}, 0, -1, 1.5, 5000.5, -(10**400)],
    "time_zone": [*NOT_TEXT, " ", "CET+1", "Mars/Olympus", "../etc/passwd", "utc\n"],
    "include_totals": [0, 1, "true", [], {}],
    "mode": [*NOT_TEXT, "", "table", "SCALAR"],
    "sort": [*NOT_TEXT, "", "up", "DESC"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}={json.dumps(value)[:50]}")
        for name, found in FIELDS.items()
        for value in found
    ],
)
def test_a_wrong_value_is_refused_by_name(api, name, value):
    answer = api.post("/v2/reporting", with_value(BODY, name, value))

    found = answer.json()
    assert (answer.status_code, found.get("code")) == (400, 3), found
    assert name in found["message"]


@pytest.mark.parametrize("missing", ["metric", "from", "to"])
def test_metric_and_range_are_required(api, missing):
    body = {name: value for name, value in BODY.items() if name != missing}

    answer = api.post("/v2/reporting", body)

    assert answer.status_code == 400
    assert f"{missing}: This field is required." in answer.json()["message"]


def test_the_body_itself_is_fine(api):
    assert api.post("/v2/reporting", BODY).status_code == 200


@pytest.mark.parametrize(
    ("facts", "longest_s"),
    [
        ({"grain": "minute"}, 3 * 86_400),
        ({"grain": "hour"}, 100 * 86_400),
        ({"grain": "day"}, 1100 * 86_400),
        ({}, 1100 * 86_400),
        ({"mode": "scalar"}, 1100 * 86_400),
        ({"mode": "scalar", "grain": "minute"}, 1100 * 86_400),
    ],
)
def test_a_range_may_be_so_long_and_no_longer(api, facts, longest_s):
    def status(length_s):
        last = utc("2026-03-01T00:00") + timedelta(seconds=length_s)
        body = {**BODY, "to": last.isoformat(), **facts}
        return api.post("/v2/reporting", body).status_code

    assert status(longest_s) == 200
    assert status(longest_s + 1) == 400


@pytest.mark.parametrize(
    "text", ["u1'; DROP TABLE usage_event; --", "%s", "%(workspace)s", "{}", "\\", "$1"]
)
def test_a_value_is_never_a_part_of_the_statement(api, text):
    rule = {"field": "identity", "op": "eq", "values": [text]}

    answer = api.post("/v2/reporting", {**BODY, "filters": [rule]})

    assert answer.status_code == 200
    assert answer.json()["data"] == []
