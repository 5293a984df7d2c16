"""/v2/budgets for clients 3.12 to 4.0; everybody else gets v2 at the same address."""

from __future__ import annotations

import pytest

from metering.models import Budget
from tests.api.test_client_generations import NODE, PYTHON
from tests.make import make_api_key, make_budget, make_event

V1 = [PYTHON.format("3.14.45"), NODE.format("4.0.7")]
LATER = [PYTHON.format("4.2.18"), PYTHON.format("4.17.13"), "curl/8.5.0"]
CONTACT = {"type": "contact", "entity_id": "jane", "period": "monthly", "amount": 5}


class OldClient:
    """Sends as the client of a User-Agent."""

    def __init__(self, api, user_agent: str) -> None:
        self._http = api.http
        self._facts = {"headers": {"User-Agent": user_agent}}

    def __getattr__(self, method: str):
        send = getattr(self._http, method)
        return lambda path, body=None: send(
            path,
            body,
            **self._facts,
            **({"content_type": "application/json"} if method != "get" else {}),
        )


@pytest.fixture(params=V1)
def old(api, request):
    """The same key, in the hands of an old client."""
    return OldClient(api, request.param)


@pytest.fixture
def unspeakable(workspace):
    """Budgets that v1 has no words for."""
    make_budget(workspace, "once", period="one_time")
    make_budget(workspace, "tokens", amount_usd=None, token_limit=5)
    return list(Budget.objects.all())


def test_a_budget_is_flat_and_counts_what_was_used(old, workspace, clock):
    make_event(workspace, "jane", cost_usd="1.25")

    answer = old.post("/v2/budgets", CONTACT)

    body = answer.json()
    assert answer.status_code == 200
    assert {name: body[name] for name in ("type", "budget", "is_active")} == {
        "type": "contact",
        "budget": {"period": "monthly", "amount": 5},
        "is_active": True,
    }
    assert (body["contact_id"], body["workspace_id"]) == ("jane", workspace.public_id)
    assert body["consumption"] == {
        "current_amount": 1.25,
        "remaining_amount": 3.75,
        "period_start": "2026-03-01",
        "period_end": "2026-04-01",
    }
    assert body == old.get(f"/v2/budgets/{body['_id']}").json()


def test_a_budget_may_begin_inactive(old):
    made = old.post("/v2/budgets", CONTACT | {"is_active": False}).json()

    assert made["is_active"] is False
    assert Budget.objects.get().is_active is False


def test_a_budget_of_an_api_key_is_listed_by_its_type(old, workspace):
    budget = make_budget(
        workspace, make_api_key(workspace).public_id, scope_kind="api_key"
    )
    make_budget(workspace, "jane")

    [listed] = old.get("/v2/budgets?type=api_key").json()["data"]

    assert (listed["_id"], listed["type"]) == (budget.public_id, "api_key")


@pytest.mark.parametrize("amount", [0, 5])
def test_what_is_over_the_amount_is_not_a_negative_rest(old, workspace, amount):
    make_event(workspace, "jane", cost_usd=7)

    made = old.post("/v2/budgets", CONTACT | {"amount": amount}).json()

    assert made["budget"]["amount"] == amount
    assert made["consumption"]["remaining_amount"] == 0


@pytest.mark.parametrize("period", ["daily", "weekly", "monthly", "yearly"])
def test_a_workspace_has_a_budget_of_any_of_the_four_periods(old, api, period):
    body = {"type": "workspace", "period": period, "amount": 0.5}

    made = old.post("/v2/budgets", body).json()

    assert (made["type"], made["budget"]["period"]) == ("workspace", period)
    assert "contact_id" not in made
    budget = api.get(f"/v2/budgets/{made['_id']}").json()["budget"]
    assert budget["scope"] == {"workspace": {}}
    assert budget["limits"]["period"] == f"BUDGET_PERIOD_{period.upper()}"


def test_a_second_budget_of_the_same_contact_answers_409(old):
    old.post("/v2/budgets", CONTACT)

    answer = old.post("/v2/budgets", CONTACT)

    assert (answer.status_code, answer.json()["code"]) == (409, 6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "api_key"},
        {"type": ["contact"]},
        {"type": None},
        {"entity_id": None},
        {"entity_id": ""},
        {"entity_id": 1},
        {"period": "one_time"},
        {"period": ["daily"]},
        {"period": "BUDGET_PERIOD_DAILY"},
        {"amount": -1},
        {"amount": "5"},
        {"amount": None},
        {"is_active": "no"},
    ],
)
def test_an_unusable_budget_answers_400(old, wrong):
    answer = old.post("/v2/budgets", CONTACT | wrong)

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert not Budget.objects.exists()


def test_the_list_is_narrowed_and_paged(old, workspace, other_workspace, unspeakable):
    make_budget(other_workspace, "jane")
    made = [
        old.post("/v2/budgets", CONTACT | {"entity_id": name}).json()
        for name in ("jane", "john")
    ]
    made.append(
        old.post("/v2/budgets", {"type": "workspace", "period": "daily", "amount": 1})
    )
    made[2] = made[2].json()
    old.patch(f"/v2/budgets/{made[1]['_id']}", {"is_active": False})

    def listed(query: str) -> list[str]:
        page = old.get(f"/v2/budgets?limit=10.0&{query}").json()
        assert (page["object"], page["has_more"]) == ("list", False)
        return [each["_id"] for each in page["data"]]

    jane, john, whole = (each["_id"] for each in made)
    assert listed("") == [whole, john, jane]
    assert listed("type=contact") == [john, jane]
    assert listed("type=workspace") == [whole]
    assert listed("entity_id=jane") == [jane]
    assert listed("is_active=false") == [john]
    assert listed(f"starting_after={john}") == [jane]
    assert listed(f"ending_before={john}") == [whole]
    assert old.get("/v2/budgets?limit=1").json()["has_more"] is True


@pytest.mark.parametrize(
    "query", ["type=identity", "is_active=maybe", "limit=0", "starting_after=x"]
)
def test_an_unknown_value_in_the_query_answers_400(old, db, query):
    assert old.get(f"/v2/budgets?{query}").status_code == 400


def test_a_change_keeps_what_it_does_not_name(old):
    made = old.post("/v2/budgets", CONTACT).json()
    path = f"/v2/budgets/{made['_id']}"

    more = old.patch(path, {"budget": {"amount": 9.5}})
    weekly = old.patch(path, {"budget": {"period": "weekly"}, "is_active": False})

    assert more.json()["budget"] == {"period": "monthly", "amount": 9.5}
    assert more.json()["is_active"] is True
    assert weekly.json()["budget"] == {"period": "weekly", "amount": 9.5}
    assert weekly.json()["is_active"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"budget": []},
        {"budget": None},
        {"budget": {"period": "one_time"}},
        {"budget": {"amount": None}},
        {"is_active": "no"},
    ],
)
def test_an_unusable_change_answers_400(old, body):
    made = old.post("/v2/budgets", CONTACT).json()

    assert old.patch(f"/v2/budgets/{made['_id']}", body).status_code == 400
    assert old.get(f"/v2/budgets/{made['_id']}").json() == made


def test_a_delete_answers_204(old):
    made = old.post("/v2/budgets", CONTACT).json()

    answer = old.delete(f"/v2/budgets/{made['_id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert old.delete(f"/v2/budgets/{made['_id']}").status_code == 404


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_what_v1_has_no_words_for_and_what_is_foreign_is_not_there(
    old, other_workspace, unspeakable, method
):
    foreign = make_budget(other_workspace, "jane")

    for budget in (*unspeakable, foreign):
        answer = getattr(old, method)(f"/v2/budgets/{budget.public_id}", {})
        assert (answer.status_code, answer.json()["code"]) == (404, 5)
    assert Budget.objects.count() == 3


@pytest.mark.parametrize("user_agent", LATER)
def test_everybody_else_speaks_v2(api, workspace, user_agent):
    make_budget(workspace, "jane")
    client = OldClient(api, user_agent)

    assert "budgetId" in client.get("/v2/budgets").json()["data"][0]
    assert client.post("/v2/budgets", CONTACT).status_code == 400
