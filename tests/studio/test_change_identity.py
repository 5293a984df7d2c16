"""Editing and deleting an identity in the Studio."""

from __future__ import annotations

import pytest

from identities.models import Identity
from identities.services import update_identity
from metering.models import Budget, UsageEvent
from tests.make import make_budget, make_event, make_identity


@pytest.fixture
def jane(workspace):
    return make_identity(
        workspace, "user_1", display_name="Jane", tags=["a", "b"], metadata={"k": 1}
    )


def test_the_form_begins_with_what_is_kept(owner, jane):
    page = owner.visit(f"/studio/identities/{jane.public_id}/edit/")

    assert page.one("input", name="display_name")["value"] == "Jane"
    assert page.one("input", name="tags")["value"] == "a, b"
    assert '"k": 1' in page.one("textarea", name="metadata").text
    assert not page.all("input", name="external_id")


def test_a_change_is_saved(owner, jane):
    answer = owner.send(
        f"/studio/identities/{jane.public_id}/edit/",
        {"display_name": "Jane Doe", "tags": "b", "email": "", "metadata": ""},
        status=302,
    )

    jane.refresh_from_db()
    assert answer.url == f"/studio/identities/{jane.public_id}/"
    assert (jane.display_name, jane.tags, jane.metadata) == ("Jane Doe", ["b"], {})


def test_an_empty_form_clears_everything_and_is_not_taken_for_none(owner, jane):
    owner.send(f"/studio/identities/{jane.public_id}/edit/", {}, status=302)

    jane.refresh_from_db()
    assert (jane.display_name, jane.tags) == ("", [])


def test_a_wrong_change_keeps_what_was_typed(owner, jane):
    page = owner.send(
        f"/studio/identities/{jane.public_id}/edit/",
        {"display_name": "New", "email": "x"},
        status=422,
        htmx=True,
    )

    assert page.one("input", name="display_name")["value"] == "New"
    assert "Enter a valid email address." in page.one("div", role="alert").text
    jane.refresh_from_db()
    assert jane.display_name == "Jane"


def test_deleting_asks_for_the_external_id(owner, jane, workspace):
    make_budget(workspace, "user_1")
    make_event(workspace, "user_1")
    path = f"/studio/identities/{jane.public_id}/delete/"

    assert "Type user_1 to confirm" in owner.visit(path).text
    page = owner.send(path, {"confirm": "user_2"}, status=422)
    assert page.one("input", name="confirm")["aria-invalid"] == "true"
    assert Identity.objects.count() == 1

    answer = owner.send(path, {"confirm": " user_1 "}, status=302)

    assert answer.url == "/studio/identities/"
    assert not Identity.objects.exists()
    assert not Budget.objects.exists()
    assert UsageEvent.objects.filter(workspace=workspace).count() == 1


def test_deleting_by_htmx_leaves_the_page_that_is_gone(owner, jane):
    answer = owner.send(
        f"/studio/identities/{jane.public_id}/delete/",
        {"confirm": "user_1"},
        status=204,
        htmx=True,
    )

    assert answer["HX-Redirect"] == "/studio/identities/"


def test_editing_what_was_deleted_meanwhile_is_a_404(owner, jane):
    path = f"/studio/identities/{jane.public_id}/edit/"
    jane.delete()

    owner.send(path, {"display_name": "x"}, status=404)


def test_only_what_differs_is_written(owner, jane):
    path = f"/studio/identities/{jane.public_id}/edit/"
    form = {"display_name": "Jane", "tags": "a, b", "metadata": '{"k": 1}'}
    update_identity(identity=jane, changes={"email": "new@example.com"})

    owner.send(path, {**form, "email": "new@example.com"}, status=302)
    before = Identity.objects.get().updated_at
    owner.send(path, {**form, "email": "new@example.com"}, status=302)

    assert Identity.objects.get().updated_at == before
