"""What an API key lets a metered call do: rights, bindings, owner, rotation."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from identities import services
from identities.models import ApiKey
from metering.gateway.app import make_app
from metering.gateway.wiring import make_services
from tests.committed import acme, database, db, facts, in_thread
from tests.make import make_key

__all__ = ["acme", "database", "db", "facts"]

INVOKE = "/v2/deployments/invoke"
CHAT = "/v2/router/chat/completions"
MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def gateway(database, settings, tmp_path):
    """A client of the gateway alone, without a server."""
    settings.DATA_DIR = tmp_path
    app = make_app(make_services, 2**20)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
    ):
        yield client


@pytest.fixture
def invoke(gateway, acme):
    """Make a key with these facts and a call with it."""

    async def invoke(*, body=None, named="", path=INVOKE, **key):
        token = await in_thread(make_key, acme, **key)
        return await call(gateway, token, body=body, named=named, path=path)

    return invoke


async def call(gateway, token, *, body=None, named="", path=INVOKE):
    headers = {"Authorization": f"Bearer {token}"}
    if named:
        headers["X-ORQ-IDENTITY-ID"] = named
    asked = {"key": "demo", "model": "orq/echo", "messages": MESSAGES}
    return await gateway.post(path, json=asked | (body or {}), headers=headers)


def restricted(**access):
    return {"permission_mode": "restricted", "access": access}


@pytest.mark.parametrize("path", [INVOKE, CHAT, "/v3/router/chat/completions"])
@pytest.mark.parametrize(
    "key",
    [
        {"permission_mode": "read_only"},
        {"permission_mode": "read_only", "bound_external_id": "jane"},
        restricted(calls="read"),
        restricted(identities="write", budgets="write", api_keys="write"),
    ],
)
async def test_a_key_without_the_right_makes_no_call(invoke, facts, acme, path, key):
    answer = await invoke(path=path, **key)

    assert answer.status_code == 403
    body = answer.json()
    assert body["code"] == 7
    assert body["message"] == "not authorized for this endpoint"
    assert body["error"]["type"] == "permission_error"
    assert body["error"]["code"] == "not_authorized"
    assert facts.events(acme) == []


@pytest.mark.parametrize("key", [{}, restricted(calls="write")])
async def test_a_key_with_the_right_makes_calls(invoke, facts, acme, key):
    assert (await invoke(named="jane", **key)).status_code == 200

    [event] = facts.events(acme)
    assert event["external_id"] == "jane"


@pytest.mark.parametrize(
    ("asked", "counted"),
    [
        ({"body": {"identity": {"id": "team/jane"}}}, "team/jane"),
        ({"body": {"identity": {"id": "team/a"}}, "named": "other/joe"}, "team/a"),
        ({"named": "team/"}, "team/"),
        ({"body": {"orq": {"identity": {"id": " team/x "}}}}, "team/x"),
    ],
)
async def test_below_its_prefix_a_key_names_whom_it_wants(
    invoke, facts, acme, asked, counted
):
    answer = await invoke(**asked, bound_prefix="team/")

    assert answer.status_code == 200
    assert [each["external_id"] for each in facts.events(acme)] == [counted]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"identity": {"id": "other/joe"}}, ""),
        ({"identity": {"id": "other/joe"}}, "team/jane"),
        ({"contact": {"id": "TEAM/jane"}}, ""),
        ({}, "other/joe"),
        ({}, "team"),
    ],
)
async def test_outside_its_prefix_it_is_refused_and_nothing_is_written(
    invoke, facts, acme, body, named
):
    answer = await invoke(body=body, named=named, bound_prefix="team/")

    assert answer.status_code == 403
    assert answer.json()["code"] == 7
    assert answer.json()["error"]["code"] == "identity_not_allowed"
    assert "'team/'" in answer.json()["message"]
    assert facts.events(acme) == []
    identities = "SELECT count(*) FROM identity WHERE workspace_id = %s"
    assert facts.value(identities, acme.pk) == 0


async def test_with_a_prefix_somebody_must_be_named(invoke, facts, acme):
    answer = await invoke(bound_prefix="team/")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "identity_required"
    assert facts.events(acme) == []


@pytest.mark.parametrize("named", ["", "team/jane"])
@pytest.mark.parametrize("prefix", ["", "team/"])
async def test_calls_that_name_nobody_are_the_owners(
    invoke, facts, acme, named, prefix
):
    key = {"owner_external_id": "team/owner", "bound_prefix": prefix}

    assert (await invoke(named=named, **key)).status_code == 200

    [event] = facts.events(acme)
    assert event["external_id"] == (named or "team/owner")


async def test_a_call_carries_the_project_of_its_key(invoke, facts, acme):
    await invoke(project_id="p1")

    assert [each["project_id"] for each in facts.events(acme)] == ["p1"]


async def test_both_secrets_of_a_key_make_its_calls_until_the_old_one_ends(
    gateway, acme, facts
):
    def rotate(overlap):
        key = ApiKey.objects.get(workspace=acme)
        now = timezone.now()
        return services.rotate_api_key(api_key=key, overlap=overlap, now=now).token

    first = await in_thread(make_key, acme)
    second = await in_thread(rotate, timedelta(hours=1))
    statuses = [(await call(gateway, each)).status_code for each in (first, second)]
    third = await in_thread(rotate, timedelta(0))
    fresh = (await call(gateway, third)).status_code

    assert [*statuses, fresh] == [200, 200, 200]
    assert len({each["api_key_id"] for each in facts.events(acme)}) == 1


@pytest.mark.parametrize("field", ["disabled_at", "revoked_at", "expires_at"])
async def test_a_key_that_is_stopped_makes_no_call(gateway, acme, field):
    def stop():
        token = make_key(acme)
        ApiKey.objects.filter(workspace=acme).update(**{field: timezone.now()})
        return token

    token = await in_thread(stop)

    assert (await call(gateway, token)).status_code == 401


async def test_a_secret_that_was_replaced_at_once_makes_no_call(gateway, acme):
    def replace():
        token = make_key(acme)
        key = ApiKey.objects.get(workspace=acme)
        now = timezone.now()
        services.rotate_api_key(api_key=key, overlap=timedelta(0), now=now)
        return token

    token = await in_thread(replace)

    assert (await call(gateway, token)).status_code == 401
