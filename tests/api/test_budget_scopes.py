"""Budgets of every scope and of expressions over the API: in, out, listed, refused."""

from __future__ import annotations

import json

import pytest

from identities.models import ApiKey
from metering.budget_rules import EXPRESSIONS_MOST
from metering.models import Budget, BudgetWindow
from orqstudio.lib import ids
from tests.conftest import NOON
from tests.make import make_budget, make_event, make_key, make_match_budget

MONTHLY = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 5}
SCOPES = [
    ("project", "project_id", "projectId", "apollo"),
    ("identity", "identity_external_id", "identityExternalId", 'say "é" \\'),
    ("provider", "provider", "provider", "openai"),
    ("model", "model_id", "modelId", "openai/gpt-4o"),
    ("model", "model_id", "modelId", "hub/meta/llama:free"),
]


@pytest.fixture
def key(workspace):
    """An API key of the workspace."""
    make_key(workspace, name="Billing service")
    return ApiKey.objects.get(name="Billing service")


def create(api, **facts):
    answer = api.post("/v2/budgets", {"limits": MONTHLY, **facts})
    assert answer.status_code == 200, answer.json()
    return answer.json()["budget"]


@pytest.mark.parametrize(("kind", "name", "camel", "target"), SCOPES)
def test_a_scope_comes_back_in_both_cases_with_its_expression(
    api, kind, name, camel, target
):
    budget = create(api, scope={kind: {name: target}})

    assert budget["scope"] == {kind: {camel: target, name: target}}
    quoted = json.dumps(target, ensure_ascii=False)
    assert budget["match"] == {"cel": f"{kind} == {quoted}"}
    assert Budget.objects.get().scope_target == target
    read = api.get(f"/v2/budgets/{budget['budgetId']}").json()["budget"]
    assert read.items() >= budget.items()
    assert read["usage"] == {"amount": 0, "tokens": 0, "requests": 0}


@pytest.mark.parametrize("spelling", [str.upper, str.lower])
def test_an_api_key_is_named_by_its_id(api, key, spelling):
    budget = create(api, scope={"api_key": {"api_key_id": spelling(key.public_id)}})

    target = {"apiKeyId": key.public_id, "api_key_id": key.public_id}
    assert budget["scope"] == {"apiKey": target, "api_key": target}
    assert budget["match"] == {"cel": f'api_key == "{key.public_id}"'}
    same = {"scope": {"apiKey": {"apiKeyId": spelling(key.public_id)}}}
    assert api.patch(f"/v2/budgets/{budget['budgetId']}", same).status_code == 200


def test_a_key_of_another_workspace_or_none_is_refused(api, other_workspace, key):
    make_key(other_workspace, name="Charlie")
    foreign = ApiKey.objects.get(name="Charlie").public_id
    ApiKey.objects.filter(pk=key.pk).update(deleted_at=NOON, revoked_at=NOON)
    unknown = ids.show(ids.new_id())

    for ref in (foreign, unknown, key.public_id, "x", str(key.pk), key.name):
        body = {"scope": {"api_key": {"api_key_id": ref}}, "limits": MONTHLY}
        answer = api.post("/v2/budgets", body)
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
        assert "of this workspace" in answer.json()["message"]
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("model_id", "said"),
    [
        ("gpt-4o", "provider/model"),
        ("openai/", "provider/model"),
        ("/gpt-4o", "provider/model"),
        ("open ai/gpt-4o", "provider/model"),
        ("acme@openai/gpt-4o", "workspaceKey@provider/model is not supported"),
    ],
)
def test_a_model_is_named_with_its_provider(api, model_id, said):
    body = {"scope": {"model": {"model_id": model_id}}, "limits": MONTHLY}

    answer = api.post("/v2/budgets", body)

    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert not Budget.objects.exists()


@pytest.mark.parametrize("provider", ["open ai", "openai/gpt-4o", "é", "x" * 61])
def test_a_provider_is_named_by_its_key(api, provider):
    body = {"scope": {"provider": {"provider": provider}}, "limits": MONTHLY}

    assert api.post("/v2/budgets", body).status_code == 400


@pytest.mark.parametrize(("kind", "name", "_camel", "target"), SCOPES)
def test_each_scope_has_at_most_one_budget(
    api, charlies_api, kind, name, _camel, target
):
    body = {"scope": {kind: {name: target}}, "limits": MONTHLY}

    assert charlies_api.post("/v2/budgets", body).status_code == 200
    assert api.post("/v2/budgets", body).status_code == 200
    answer = api.post("/v2/budgets", body)

    assert (answer.status_code, answer.json()["code"]) == (409, 6)
    other_target = {"scope": {kind: {name: f"{target}x"}}, "limits": MONTHLY}
    assert api.post("/v2/budgets", other_target).status_code == 200


def test_usage_is_what_the_scope_counts(api, workspace, key, clock):
    calls = [
        {"provider_key": "openai", "model": "gpt-4o", "project_id": "apollo"},
        {"provider_key": "openai", "model": "gpt-4o-mini", "api_key_id": key.pk},
        {"provider_key": "orq", "model": "echo", "project_id": "apollo"},
    ]
    for number, facts in enumerate(calls):
        make_event(workspace, "u1", cost_usd=10**number, **facts)
    scopes = {
        "project": ("apollo", 101),
        "provider": ("openai", 11),
        "model": ("openai/gpt-4o", 1),
        "api_key": (key.public_id, 10),
    }
    for kind, (target, _) in scopes.items():
        make_budget(workspace, target, scope_kind=kind)

    found = api.get("/v2/budgets").json()["data"]

    used = {next(iter(item["scope"])): item["usage"]["amount"] for item in found}
    assert used == {
        "project": 101,
        "provider": 11,
        "model": 1,
        "apiKey": 10,
    }


def test_an_expression_comes_back_without_a_scope(api):
    budget = create(api, match={"cel": 'metadata.tier == "free"'})

    assert "scope" not in budget
    assert budget["match"] == {"cel": 'metadata.tier == "free"'}
    assert budget["limits"] == MONTHLY
    read = api.get(f"/v2/budgets/{budget['budgetId']}").json()["budget"]
    assert read.items() >= budget.items()
    assert read["usage"] == {"amount": 0, "tokens": 0, "requests": 0}


def test_several_budgets_may_have_the_same_expression(api):
    first, second = (create(api, match={"cel": "true"}) for _ in range(2))

    assert first["budgetId"] != second["budgetId"]


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"scope": None, "match": None},
        {"scope": {"workspace": {}}, "match": {"cel": "true"}},
        {"scope": {"workspace": {}}, "match": {}},
        {"scope": {"workspace": {}}, "match": {"cel": ""}},
    ],
)
def test_exactly_one_of_scope_and_match(api, parts):
    answer = api.post("/v2/budgets", {"limits": MONTHLY, **parts})

    assert answer.status_code == 400
    assert "exactly one of scope and match" in answer.json()["message"]


@pytest.mark.parametrize(
    "cel",
    [
        "",
        " ",
        "identity ==",
        "identity",
        "nobody == 1",
        "(" * 1000 + "true" + ")" * 1000,
        "!" * 2047 + "x",
        "x" * 2049,
        'identity.matches("(a+)+$' * 40,
        "metadata.all(a, metadata.all(b, a == b))",
        'identity.matches("a{1000}{1000}")',
        None,
        1,
        ["true"],
    ],
    ids=lambda cel: str(cel)[:20],
)
def test_an_expression_that_cannot_be_used_is_refused(api, workspace, cel):
    budget = make_match_budget(workspace, "true")

    created = api.post("/v2/budgets", {"match": {"cel": cel}, "limits": MONTHLY})
    changed = api.patch(f"/v2/budgets/{budget.public_id}", {"match": {"cel": cel}})

    for answer in (created, changed):
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
        assert "cel" in answer.json()["message"]
    assert Budget.objects.get().match_cel == "true"


def test_an_expression_can_change_and_its_windows_are_dropped(api, workspace):
    budget = make_match_budget(workspace, "true")
    BudgetWindow.objects.create(
        budget=budget, starts_at=NOON, ends_at=NOON.replace(year=2027)
    )

    answer = api.patch(
        f"/v2/budgets/{budget.public_id}", {"match": {"cel": 'identity == "u1"'}}
    )

    assert answer.json()["budget"]["match"] == {"cel": 'identity == "u1"'}
    assert not BudgetWindow.objects.exists()


def test_the_expression_of_a_scope_cannot_change(api, workspace):
    budget = make_budget(workspace, "u1")
    path = f"/v2/budgets/{budget.public_id}"

    answer = api.patch(path, {"match": {"cel": 'identity == "u1"'}})

    assert answer.status_code == 400
    assert "without a scope" in answer.json()["message"]
    assert api.patch(path, {"match": None}).status_code == 200


def test_a_budget_without_a_scope_cannot_get_one(api, workspace):
    budget = make_match_budget(workspace, "true")

    answer = api.patch(f"/v2/budgets/{budget.public_id}", {"scope": {"workspace": {}}})

    assert answer.status_code == 400


def test_a_workspace_has_room_for_so_many_expressions(api, charlies_api, workspace):
    for _ in range(EXPRESSIONS_MOST - 1):
        make_match_budget(workspace, "true")
    body = {"match": {"cel": "true"}, "limits": MONTHLY}

    assert api.post("/v2/budgets", body).status_code == 200
    answer = api.post("/v2/budgets", body)

    assert answer.status_code == 400
    assert "at most 50" in answer.json()["message"]
    assert charlies_api.post("/v2/budgets", body).status_code == 200
    assert create(api, scope={"workspace": {}})


@pytest.fixture
def one_of_each(workspace, key):
    """A budget of every kind, by kind."""
    targets = {
        "workspace": "",
        "project": "apollo",
        "identity": "u1",
        "api_key": key.public_id,
        "provider": "openai",
        "model": "openai/gpt-4o",
    }
    made = {
        kind: make_budget(workspace, target, scope_kind=kind)
        for kind, target in targets.items()
    }
    return {**made, "match": make_match_budget(workspace, 'headers["x-team"] == "a"')}


def _found(api, **query) -> set[str]:
    answer = api.get("/v2/budgets", **query)
    assert answer.status_code == 200, answer.json()
    return {item["budgetId"] for item in answer.json()["data"]}


def test_lists_narrow_by_every_kind_and_target(api, one_of_each):
    assert len(_found(api)) == 7
    for kind, budget in one_of_each.items():
        if kind != "match":
            name = f"BUDGET_SCOPE_KIND_{kind.upper()}"
            assert _found(api, scope_kind=name) == {budget.public_id}
        if kind != "workspace":
            target = budget.scope_target
            assert _found(api, scope_target_id=target) == {budget.public_id}


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("billing SERV", {"api_key"}),
        ("apol", {"project"}),
        ("openai", {"provider", "model"}),
        ("x-team", {"match"}),
        ("acme", {"workspace"}),
        ("nothing", set()),
    ],
)
def test_the_query_looks_into_every_kind_of_target(
    api, other_workspace, one_of_each, query, kinds
):
    make_key(other_workspace, name="Billing service")

    found = _found(api, query=query)

    assert found == {one_of_each[kind].public_id for kind in kinds}
