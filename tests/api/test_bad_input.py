"""Wrong values of every field: 400 with the envelope, nothing written."""

from __future__ import annotations

import copy
import io
import json
from functools import reduce

import pytest

from identities.models import Identity
from metering.models import Budget
from tests.make import make_budget, make_identity

NOT_TEXT = [1, 1.5, True, [], {}, ["x"]]
NOT_OBJECT = [1, "x", True, [], ["x"]]
NOT_NUMBER = ["5", True, False, [], {}]
HUGE = 10**400

IDENTITY_FIELDS = {
    "external_id": [
        *NOT_TEXT,
        None,
        "",
        " ",
        " x",
        "x ",
        "x" * 121,
        "a\nb",
        "a\u2028b",
    ],
    "display_name": [*NOT_TEXT, "x" * 256],
    "email": [*NOT_TEXT, "x", "a@", "a b@example.com", "x" * 320 + "@example.com"],
    "avatar_url": [
        *NOT_TEXT,
        "x",
        "/a.png",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://",
        "http://[",
        "https://e.com/a b",
        "https://e.com/" + "x" * 2048,
    ],
    "tags": [
        1,
        "a",
        True,
        {},
        [1],
        [None],
        [""],
        [["a"]],
        ["x" * 121],
        [str(number) for number in range(101)],
    ],
    "metadata": NOT_OBJECT,
}

BUDGET = {
    "scope": {"identity": {"identity_external_id": "u1"}},
    "limits": {"period": "BUDGET_PERIOD_MONTHLY", "amount": 5, "token_limit": 10},
}
TARGETS = {
    "project": "project_id",
    "api_key": "api_key_id",
    "provider": "provider",
    "model": "model_id",
}
NOTIFIED = {"threshold_percent": 80, "notifier_ids": ["n1"]}
BUDGET_FIELDS = {
    "scope": [
        *NOT_OBJECT,
        None,
        {},
        {"team": {}},
        {"identity": {}, "workspace": {}},
        {"workspace": None},
        {"workspace": []},
        {"identity": None},
        {"identity": "u1"},
        {"identity": {}},
        {"BUDGET_SCOPE_KIND_IDENTITY": {}},
        {"match": {}},
        {"match": {"cel": "true"}},
        *(
            {kind: {name: target}}
            for kind, name in TARGETS.items()
            for target in [*NOT_TEXT, None, "", " x", "a\tb", "x" * 256]
        ),
    ],
    "scope.identity.identity_external_id": [
        *NOT_TEXT,
        None,
        "",
        " u1",
        "a\tb",
        "x" * 256,
    ],
    "limits": [*NOT_OBJECT, None, {}, {"period": "BUDGET_PERIOD_DAILY"}],
    "limits.period": [*NOT_TEXT, None, "", "monthly", "BUDGET_PERIOD_UNSPECIFIED"],
    "limits.amount": [
        *NOT_NUMBER,
        -1,
        -0.01,
        10**10,
        1e300,
        HUGE,
        9999999999.99999999999,
        0.00000000001,
    ],
    "match": [*NOT_OBJECT, {}, {"cel": "true"}, {"cel": ""}],
    "rate_limit": [*NOT_OBJECT, {}],
    "rate_limit.requests_per_minute": [
        *NOT_NUMBER,
        0,
        -1,
        1.5,
        10**6 + 1,
        2**31,
        2**63,
        HUGE,
    ],
    "alerts": [
        1,
        "x",
        True,
        {},
        ["x"],
        [None],
        [{}],
        [{"threshold_percent": 80}],
        [{"notifier_ids": ["n1"]}],
        *([{**NOTIFIED, "threshold_percent": v}] for v in [*NOT_NUMBER, None, HUGE]),
        *([{**NOTIFIED, "threshold_percent": v}] for v in [0, 101, 1.5]),
        *([{**NOTIFIED, "notifier_ids": v}] for v in ["n1", {}, None, [], [""], [1]]),
        [{**NOTIFIED, "notifier_ids": ["n1", "n1"]}],
        [{**NOTIFIED, "notifier_ids": [f"n{number}" for number in range(11)]}],
        [{**NOTIFIED, "dimension": "BUDGET_ALERT_DIMENSION_TOKENS"}],
        *([{**NOTIFIED, "dimension": v}] for v in [*NOT_TEXT, None, "", "cost"]),
        *([{**NOTIFIED, "id": v}] for v in [*NOT_TEXT, "x"]),
        [NOTIFIED] * 11,
    ],
    "limits.token_limit": [*NOT_NUMBER, -1, 1.5, 2**63, 1e300, HUGE],
    "is_active": [None, 0, 1, "true", []],
    "expires_at": [
        1,
        True,
        {},
        "",
        "tomorrow",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "2030-13-01T00:00:00Z",
        "2030-01-01T25:00:00Z",
        "2030-01-01T00:00:00+99:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "20300101T000000Z",
        "2000-01-01T00:00:00Z",
    ],
    "mode": [*NOT_TEXT, None, "", "soft", "HARD"],
    "time_zone": [*NOT_TEXT, None, "", "Mars/Olympus", "../etc/passwd", "utc\n"],
    "week_starts_on": [*NOT_TEXT, None, "", "Monday", "someday", 0, 8],
}


def cases(fields):
    """One case per wrong value, named by field and value."""
    return [
        pytest.param(name, value, id=f"{name}={json.dumps(value)[:40]}")
        for name, values in fields.items()
        for value in values
    ]


def with_value(body: dict, path: str, value: object) -> dict:
    """Return a copy of the body with one value, perhaps nested, set."""
    changed = copy.deepcopy(body)
    *parents, last = path.split(".")
    reduce(lambda inner, key: inner.setdefault(key, {}), parents, changed)[last] = value
    return changed


@pytest.mark.parametrize(("name", "value"), cases(IDENTITY_FIELDS))
def test_a_wrong_value_creates_no_identity(api, name, value):
    answer = api.post("/v2/identities", {"external_id": "u", name: value})

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert name in answer.json()["message"]
    assert not Identity.objects.exists()


@pytest.mark.parametrize(("name", "value"), cases(IDENTITY_FIELDS))
def test_a_wrong_value_changes_no_identity(api, workspace, name, value):
    make_identity(workspace, "u")
    before = Identity.objects.values().get()

    answer = api.patch("/v2/identities/u", {name: value})

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert Identity.objects.values().get() == before


@pytest.mark.parametrize(("name", "value"), cases(BUDGET_FIELDS))
def test_a_wrong_value_creates_no_budget(api, name, value):
    answer = api.post("/v2/budgets", with_value(BUDGET, name, value))

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert not Budget.objects.exists()


CHANGE_FIELDS = {
    name: [value for value in values if value is not None]
    for name, values in BUDGET_FIELDS.items()
    if not name.startswith("scope") and name != "limits"
} | {"clear_alerts": [1, "yes", [], None], "clear_expires_at": [1, "yes", None]}


@pytest.mark.parametrize(("name", "value"), cases(CHANGE_FIELDS))
def test_a_wrong_value_changes_no_budget(api, workspace, name, value):
    budget = make_budget(workspace, "u1")
    before = Budget.objects.values().get()

    body = with_value({}, name, value)
    answer = api.patch(f"/v2/budgets/{budget.public_id}", body)

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert Budget.objects.values().get() == before


@pytest.mark.parametrize("missing", ["scope", "limits", "limits.period"])
def test_a_budget_needs_scope_and_limits_with_a_period(api, missing):
    body = copy.deepcopy(BUDGET)
    *parents, last = missing.split(".")
    del reduce(dict.__getitem__, parents, body)[last]

    assert api.post("/v2/budgets", body).status_code == 400


@pytest.mark.parametrize(
    "raw",
    [
        '{"external_id": "a\\u0000b"}',
        '{"external_id": "u", "metadata": {"a": ["x\\u0000"]}}',
        '{"external_id": "u", "metadata": {"\\u0000": 1}}',
        '{"external_id": "u", "display_name": "\\ud800"}',
        '{"external_id": "u", "metadata": {"\\udfff": 1}}',
        '{"external_id": "u", "metadata": {"a": NaN}}',
        '{"external_id": "u", "metadata": {"a": -Infinity}}',
        '{"external_id": "u", "metadata": {"a": 1e400}}',
        '{"external_id": "u", "metadata": {"a": ' + "9" * 5000 + "}}",
        '{"external_id": "u", "metadata": ' + '{"a":' * 70 + "1" + "}" * 70 + "}",
        '{"external_id": "u", "metadata": ' + "[" * 100_000,
        '{"external_id": "u", "tags": ' + "[" * 2000 + "]" * 2000 + "}",
    ],
    ids=range(12),
)
def test_a_body_that_cannot_be_kept_is_refused(api, raw):
    answer = api.post("/v2/identities", raw)

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert not Identity.objects.exists()


def test_a_body_that_ends_too_early_is_refused(api):
    class Cut(io.BytesIO):
        def read(self, *_):
            raise OSError

    answer = api.http.post("/v2/identities", "x", "text/plain", **{"wsgi.input": Cut()})

    assert answer.status_code == 400
    assert "ended before" in answer.json()["message"]


@pytest.mark.parametrize("raw", ["", " ", "\n"])
def test_a_body_without_anything_in_it_is_an_empty_object(api, raw):
    answer = api.post("/v2/identities", raw)

    assert "external_id: This field is required" in answer.json()["message"]


@pytest.mark.parametrize("raw", ["\v", "\f", "\x1f", "\x00"])
def test_what_json_does_not_call_space_is_no_empty_body(api, raw):
    answer = api.post("/v2/identities", raw)

    assert answer.status_code == 400
    assert "not valid JSON" in answer.json()["message"]


def test_a_body_may_be_nested_as_deep_as_people_nest(api):
    raw = '{"external_id": "u", "metadata": ' + '{"a":' * 60 + "1" + "}" * 60 + "}"

    answer = api.post("/v2/identities", raw)

    assert answer.status_code == 201
    assert answer.json()["metadata"] == json.loads(raw)["metadata"]


ABSURD = ["0e99999999999999999999", "1e-99999999999999999999"]


@pytest.mark.parametrize("text", ["1e400", "-1e400", "NaN", "Infinity", *ABSURD])
def test_amounts_beyond_all_numbers_are_refused(api, text):
    body = json.dumps(BUDGET).replace('"amount": 5', f'"amount": {text}')

    answer = api.post("/v2/budgets", body)

    assert answer.status_code == 400
    assert not Budget.objects.exists()


@pytest.mark.parametrize("text", ABSURD)
def test_a_whole_number_with_an_exponent_of_many_digits_is_refused(api, text):
    body = json.dumps(BUDGET).replace('"token_limit": 10', f'"token_limit": {text}')

    answer = api.post("/v2/budgets", body)

    assert answer.status_code == 400
    assert not Budget.objects.exists()


def test_amounts_with_an_eleventh_decimal_are_refused_even_where_a_double_is_blind(
    api,
):
    text = "1234567890.12345678905"
    body = json.dumps(BUDGET).replace('"amount": 5', f'"amount": {text}')

    assert api.post("/v2/budgets", body).status_code == 400
