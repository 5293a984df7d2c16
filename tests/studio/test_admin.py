"""The admin: every model, scoped, read-mostly, writing through the services."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from identities.models import ApiKey, Identity, Workspace
from metering.models import Budget, BudgetWindow, Deployment, Hold
from orqstudio.lib import ids
from tests.make import make_budget, make_event, make_identity, make_key, make_user
from tests.studio.conftest import Visitor

OURS = [
    model
    for label in ("identities", "metering")
    for model in apps.get_app_config(label).get_models()
]
LEDGERS = ["budgetwindow", "budgetrefusal", "hold", "usageevent", "usagedaily"]


@pytest.fixture
def root(db):
    """A superuser."""
    return Visitor(User.objects.create_superuser("root"))


@pytest.fixture
def operator(workspace):
    """Staff of one workspace with every permission, but no superuser."""
    person = make_user("oscar", workspace)
    person.is_staff = True
    person.save()
    person.user_permissions.set(Permission.objects.all())
    return Visitor(person)


@pytest.fixture
def everything(workspace, other_workspace):
    """A row of every kind, in both workspaces."""
    for place in (workspace, other_workspace):
        make_identity(place, f"identity of {place.slug}")
        budget = make_budget(place, f"identity of {place.slug}")
        make_event(place, f"identity of {place.slug}")
        make_key(place, name=f"key of {place.slug}")
        now = timezone.now()
        BudgetWindow.objects.create(
            budget=budget, starts_at=now, ends_at=now + timezone.timedelta(days=1)
        )
        Hold.objects.create(
            id=ids.new_id(),
            workspace=place,
            occurred_at=now,
            external_id=f"identity of {place.slug}",
            operation="chat",
            provider_key="orq",
            model="orq/echo",
            owner="test",
            expires_at=now,
        )


def test_every_model_is_registered():
    assert [model for model in OURS if not admin.site.is_registered(model)] == []


@pytest.mark.parametrize("model", OURS, ids=lambda m: m._meta.model_name)
def test_a_list_opens_and_can_be_searched(root, everything, model):
    path = _list_of(model)

    for query in (
        "",
        "?q=acme",
        "?q=%00",
        "?q=01ARZ3NDEKTSV4RRFFQ69G5FAV",
    ):
        page = root.visit(path + query)
        assert not page.all("style")
        assert not [each for each in page.all("script") if not each.get("src")]


@pytest.mark.parametrize("model", OURS, ids=lambda m: m._meta.model_name)
def test_a_row_opens(root, everything, model):
    row = model.objects.first()
    if row is None:
        pytest.skip("no row of this kind without the ledger")

    root.visit(f"{_list_of(model)}{row.pk}/change/")


@pytest.mark.parametrize("name", LEDGERS)
def test_what_the_ledger_writes_is_only_read(root, everything, name):
    model = apps.get_model("metering", name)
    row = model.objects.first()
    path = f"/admin/metering/{name}/"

    root.visit(f"{path}add/", status=403)
    if row:
        root.send(f"{path}{row.pk}/change/", {"cost_usd": "0"}, status=403)
        root.visit(f"{path}{row.pk}/delete/", status=403)
    assert "delete_selected" not in root.visit(path).text


@pytest.mark.parametrize("model", OURS, ids=lambda m: m._meta.model_name)
def test_staff_see_the_rows_of_their_workspaces_alone(operator, everything, model):
    page = operator.visit(_list_of(model))

    assert "globex" not in page.text.lower()
    path = {"workspace": "pk", "budgetwindow": "budget__workspace__slug"}
    path |= {"budgetrefusal": "budget__workspace__slug"}
    path |= {"apikeysecret": "api_key__workspace__slug"}
    lookup = path.get(model._meta.model_name, "workspace__slug")
    foreign = model.objects.filter(
        **{
            lookup: Workspace.objects.get(slug="globex").pk
            if lookup == "pk"
            else "globex"
        }
    ).first()
    if foreign:
        answer = operator.client.get(f"{_list_of(model)}{foreign.pk}/change/")
        assert answer.status_code == 302
        assert answer.url == "/admin/"


def test_staff_cannot_choose_a_foreign_workspace(operator, everything):
    options = operator.visit("/admin/identities/identity/add/").all("option")

    assert "Acme" in [each.text for each in options]
    assert "Globex" not in [each.text for each in options]


def test_an_identity_is_made_changed_and_deleted_by_the_services(root, workspace):
    form = {
        "workspace": workspace.pk,
        "external_id": "user_1",
        "display_name": "Jane",
        "email": "",
        "avatar_url": "",
        "tags": "a,b",
        "metadata": "{}",
    }
    root.send("/admin/identities/identity/add/", form, status=302)
    made = Identity.objects.get()
    assert (made.tags, made.source) == (["a", "b"], "studio")
    make_budget(workspace, "user_1")

    path = f"/admin/identities/identity/{made.pk}/"
    root.send(f"{path}change/", {**form, "display_name": "New"}, status=302)
    made.refresh_from_db()
    assert made.display_name == "New"

    root.send(f"{path}delete/", {"post": "yes"}, status=302)
    assert not Identity.objects.exists()
    assert not Budget.objects.exists()


def test_a_taken_external_id_is_a_field_error(root, workspace):
    make_identity(workspace, "user_1")

    page = root.send(
        "/admin/identities/identity/add/",
        {"workspace": workspace.pk, "external_id": "user_1", "metadata": "{}"},
    )

    assert "already exists" in page.text


def test_a_budget_change_drops_its_windows_as_the_service_does(root, workspace):
    budget = make_budget(workspace, "user_1")
    now = timezone.now()
    BudgetWindow.objects.create(
        budget=budget, starts_at=now, ends_at=now + timezone.timedelta(days=1)
    )

    root.send(
        f"/admin/metering/budget/{budget.pk}/change/",
        {
            "period": "daily",
            "time_zone": "UTC",
            "week_starts_on": "1",
            "amount_usd": "5",
            "mode": "hard",
            "is_active": "on",
        },
        status=302,
    )

    budget.refresh_from_db()
    assert (budget.period, budget.amount_usd) == ("daily", Decimal(5))
    assert not BudgetWindow.objects.exists()


BUDGET_FORM = {
    "scope_kind": "identity",
    "scope_target": "user_1",
    "period": "daily",
    "time_zone": "UTC",
    "week_starts_on": "1",
    "amount_usd": "5",
    "mode": "hard",
    "is_active": "on",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_usd": ""},
        {"time_zone": "Mars"},
        {"scope_kind": "model", "scope_target": "gpt-4o"},
        {"scope_kind": "api_key"},
        {"scope_kind": "match"},
        {"scope_kind": "match", "match_cel": "identity =="},
        {"match_cel": "true"},
        {"requests_per_minute": "0"},
        {"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"},
    ],
)
def test_a_budget_the_services_refuse_is_a_form_error(root, workspace, wrong):
    form = {"workspace": workspace.pk, **BUDGET_FORM, **wrong}

    page = root.send("/admin/metering/budget/add/", form)

    assert page.all("ul", class_="errorlist")
    assert not Budget.objects.exists()


def test_a_budget_with_an_expression_can_be_made_and_changed(root, workspace):
    form = {"workspace": workspace.pk, **BUDGET_FORM, "scope_kind": "match"}
    form |= {"scope_target": "", "match_cel": "true", "requests_per_minute": "3"}

    root.send("/admin/metering/budget/add/", form, status=302)
    budget = Budget.objects.get()
    path = f"/admin/metering/budget/{budget.pk}/change/"
    refused = root.send(path, {**form, "match_cel": "identity"})
    root.send(path, {**form, "match_cel": "false"}, status=302)

    assert refused.all("ul", class_="errorlist")
    budget.refresh_from_db()
    assert budget.scope_target == budget.public_id
    assert (budget.match_cel, budget.requests_per_minute) == ("false", 3)


def test_budgets_are_deleted_in_bulk_by_the_service(root, workspace):
    first, second = make_budget(workspace, "a"), make_budget(workspace, "b")

    root.send(
        "/admin/metering/budget/",
        {
            "action": "delete_selected",
            "_selected_action": [first.pk, second.pk],
            "post": "yes",
        },
        status=302,
    )

    assert not Budget.objects.exists()


def test_a_changed_deployment_is_a_new_version(root, workspace):
    demo = Deployment.objects.get()

    root.send(
        f"/admin/metering/deployment/{demo.pk}/change/",
        {
            "description": "x",
            "provider": demo.provider_id,
            "model": "orq/echo",
            "messages": "[]",
            "parameters": "{}",
        },
        status=302,
    )

    demo.refresh_from_db()
    assert demo.version == 2


def test_keys_are_revoked_by_the_service_and_shown_by_prefix(root, workspace):
    token = make_key(workspace, name="Old")
    key = ApiKey.objects.get()

    page = root.visit("/admin/identities/apikey/")
    assert token not in page.response.content.decode()
    root.send(
        "/admin/identities/apikey/",
        {"action": "revoke", "_selected_action": [key.pk]},
        status=302,
    )

    key.refresh_from_db()
    assert key.revoked_at is not None
    root.visit("/admin/identities/apikey/add/", status=403)


def test_a_workspace_made_here_is_ready_for_calls(root, db):
    root.send(
        "/admin/identities/workspace/add/",
        {"slug": "new", "name": "New", "unpriced_model": "allow"},
        status=302,
    )

    made = Workspace.objects.get(slug="new")
    assert made.unpriced_model == "allow"
    assert Deployment.objects.get(workspace=made).key == "demo"


def test_a_long_table_is_not_counted_to_its_end(
    root, workspace, django_assert_max_num_queries
):
    make_event(workspace)

    with django_assert_max_num_queries(8) as queries:
        root.visit("/admin/metering/usageevent/")

    counts = [
        q["sql"] for q in queries.captured_queries if "COUNT(" in q["sql"].upper()
    ]
    assert counts
    assert all(re.search(r"LIMIT 10000\b", sql) for sql in counts)


def _list_of(model) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def test_a_list_is_narrowed_to_one_workspace(root, everything):
    acme = Workspace.objects.get(slug="acme")

    page = root.visit(f"/admin/identities/identity/?workspace={acme.pk}")

    names = [each.text for each in page.all("th", class_="field-external_id")]
    assert names == ["identity of acme"]
