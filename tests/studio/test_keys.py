"""API keys in the Studio: the secret once, the prefix ever after."""

from __future__ import annotations

from identities.models import ApiKey
from tests.api_client import ApiClient
from tests.make import make_key


def test_a_new_key_shows_its_secret_once_and_works(owner):
    page = owner.send("/studio/keys/new/", {"name": "Backend"})

    token = page.one("code", data_secret="").text
    assert ApiClient(token).get("/v2/identities").status_code == 200
    assert page.response["Cache-Control"] == "private, no-store"
    listed = owner.visit("/studio/keys/").text
    assert "Backend" in listed
    assert token not in listed
    assert ApiKey.objects.get().token_prefix in listed


def test_a_key_can_be_bound_to_an_identity(owner):
    owner.send("/studio/keys/new/", {"name": "B", "bound_external_id": "user_1"})

    assert ApiKey.objects.get().bound_external_id == "user_1"


def test_a_key_needs_a_name(owner):
    page = owner.send("/studio/keys/new/", {"name": " "}, status=422)

    assert "This field is required." in page.one("div", role="alert").text
    assert not ApiKey.objects.exists()


def test_a_revoked_key_is_refused_and_stays_listed(owner, workspace):
    token = make_key(workspace, name="Old")
    api_key = ApiKey.objects.get()

    assert "refused with 401" in owner.visit(_revoke(api_key)).text
    owner.send(_revoke(api_key), status=302)

    assert ApiClient(token).get("/v2/identities").status_code == 401
    page = owner.visit("/studio/keys/")
    assert "revoked" in page.text
    assert not page.all("a", href=_revoke(api_key))


def test_a_foreign_key_is_a_404(owner, other_workspace):
    make_key(other_workspace, name="Theirs")
    theirs = ApiKey.objects.get()

    owner.visit(_revoke(theirs), status=404)
    owner.send(_revoke(theirs), status=404)

    theirs.refresh_from_db()
    assert theirs.revoked_at is None
    assert "Theirs" not in owner.visit("/studio/keys/").text


def test_without_keys_the_page_says_what_they_are_for(owner):
    assert "No API keys yet" in owner.visit("/studio/keys/").text


def _revoke(api_key: ApiKey) -> str:
    return f"/studio/keys/{api_key.public_id}/revoke/"
