"""orq-ai-sdk 4.13 to 4.16: wrapped identities, budgets v2, keys as a bare list."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from orq_ai_sdk import Orq
from said import KEY, SPENT, URL, USER, refused, say

PROFILE = {
    "display_name": "Jane Doe",
    "email": "jane@example.com",
    "avatar_url": "https://example.com/jane.jpg",
    "tags": [USER, "b c"],
    "metadata": {"role": "admin", "since": {"year": 2024}},
}
SCOPE = {"identity": {"identity_external_id": USER}}
LIMITS = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 5, "token_limit": 1000}
HELLO = [{"role": "user", "content": "Hello"}]
AS_USER = {"http_headers": {"X-ORQ-IDENTITY-ID": USER}}
AS_SPENT = {"http_headers": {"X-ORQ-IDENTITY-ID": SPENT}}
orq = Orq(api_key=KEY, server_url=URL)


def chat(client, **options):
    """Call the router."""
    return client.router.chat.completions.create(
        model="orq/echo", messages=HELLO, **options
    )


def created():
    """Create an identity."""
    return orq.identities.create(external_id=USER, **PROFILE)


def again():
    """Create it a second time."""
    return refused(lambda: orq.identities.create(external_id=USER))


def called():
    """Invoke and chat for the identity of a header, then for one of the body."""
    identity = {"id": f"{USER}-body", "display_name": "Body", "metadata": [{"a": 1}]}
    orq.deployments.invoke(key="demo", identity=identity)
    return {
        "invoked": orq.deployments.invoke(key="demo", **AS_USER),
        "said": chat(orq, **AS_USER),
        "body": orq.identities.retrieve(id=f"{USER}-body").identity,
    }


def budgets():
    """Walk through the life of a budget."""
    made = orq.budgets.create(scope=SCOPE, limits=LIMITS).budget
    budget_id = made.budget_id
    got = orq.budgets.get(budget_id=budget_id)
    listed = orq.budgets.list(
        scope_kind=["BUDGET_SCOPE_KIND_IDENTITY"],
        scope_target_id=USER,
        period=["BUDGET_PERIOD_MONTHLY"],
        is_active=True,
        sort_by="BUDGET_SORT_FIELD_CREATED_AT",
    )
    less = {"period": "BUDGET_PERIOD_WEEKLY", "amount": 0.5}
    changed = orq.budgets.update(budget_id=budget_id, limits=less)
    orq.budgets.reset_consumption(
        budget_id=budget_id, reset_budget_consumption_request={}
    )
    return {
        "made": made,
        "again": refused(lambda: orq.budgets.create(scope=SCOPE, limits=LIMITS)),
        "got": got,
        "listed": listed,
        "changed": changed,
        "reset": orq.budgets.get(budget_id=budget_id).budget.usage,
        "embedded": orq.identities.retrieve(id=USER, include_budget=True),
        "gone": orq.budgets.delete(budget_id=budget_id),
        "get": refused(lambda: orq.budgets.get(budget_id=budget_id)),
    }


def found():
    """Retrieve it by both references, with metrics."""
    own_id = orq.identities.retrieve(id=USER).identity.id
    return [
        orq.identities.retrieve(id=ref, include_metrics=True) for ref in (USER, own_id)
    ]


def listed():
    """List by two tags, metrics asked for and not."""
    both = {"filter_by_tags": [USER, "b c"]}
    return {
        "plain": orq.identities.list(**both, sort_by="IDENTITY_SORT_FIELD_UPDATED"),
        "metrics": orq.identities.list(**both, include_metrics=True, search="JANE D"),
        "nobody": orq.identities.list(filter_by_tags=["nobody has it"]),
    }


def paged():
    """Walk three identities in pages of two, forward and back."""
    for number in range(3):
        orq.identities.create(external_id=f"{USER}-{number}", tags=[f"{USER}-page"])
    query = {"limit": 2, "filter_by_tags": [f"{USER}-page"]}
    first = orq.identities.list(**query)
    rest = orq.identities.list(**query, starting_after=first.data[-1].id)
    back = orq.identities.list(**query, ending_before=rest.data[0].id)
    pages = [first, rest, back]
    return [[[each.external_id for each in p.data], p.has_more] for p in pages]


def updated():
    """Clear the e-mail and the tags, replace the metadata."""
    return orq.identities.update(id=USER, email="", tags=[], metadata={"role": "guest"})


def odd():
    """Address identities by what the client leaves as it is in a path."""
    said = []
    for external_id in (f"{USER}/team a", f"{USER} é 50%", f"{USER}:b@c"):
        orq.identities.create(external_id=external_id)
        orq.identities.update(id=external_id, display_name="Odd")
        identity = orq.identities.retrieve(id=external_id).identity
        orq.identities.delete(id=external_id)
        said.append([identity.external_id == external_id, identity.display_name])
    return said


def keys():
    """Walk through the life of an API key; the new one makes a call."""
    made = orq.api_keys.create(name=f"key {USER}")
    client = Orq(api_key=made.token, server_url=URL)
    answer = client.deployments.invoke(key="demo")
    renamed = orq.api_keys.update(api_key_id=made.id, name=f"new {USER}")
    shown = [each for each in orq.api_keys.list(limit=200) if each.id == made.id]
    return {
        "made": made,
        "renamed": renamed.name,
        "listed": shown,
        "got": orq.api_keys.get(api_key_id=made.id),
        "called": answer.object,
        "gone": orq.api_keys.delete(api_key_id=made.id),
        "get": refused(lambda: orq.api_keys.get(api_key_id=made.id)),
    }


def capabilities():
    """List the resources that rights of a key are about."""
    return orq.api_keys.list_capabilities()


def reported():
    """Ask for the cost and the requests of the identity today."""
    now = datetime.fromtimestamp(time.time(), UTC)
    span = {"from_": now - timedelta(days=1), "to": now + timedelta(minutes=1)}
    only = {"field": "identity", "op": "eq", "values": [USER]}
    return orq.reporting.query(
        metric="genai.cost",
        **span,
        grain="day",
        group_by=["identity"],
        filters=[only],
        include_totals=True,
    )


def deleted():
    """Delete it, and ask for it in every way once more."""
    return {
        "answer": orq.identities.delete(id=USER),
        "retrieve": refused(lambda: orq.identities.retrieve(id=USER)),
        "update": refused(lambda: orq.identities.update(id=USER, tags=[])),
        "delete": refused(lambda: orq.identities.delete(id=USER)),
    }


def errors():
    """Collect what else can go wrong."""
    stranger = Orq(api_key="sk-wrong", server_url=URL)
    return {
        "key": refused(stranger.identities.list),
        "key_of_budgets": refused(stranger.budgets.list),
        "key_of_a_call": refused(lambda: stranger.deployments.invoke(key="demo")),
        "key_of_a_chat": refused(lambda: chat(stranger)),
        "email": refused(
            lambda: orq.identities.create(external_id=f"{USER}-x", email="no address")
        ),
        "limit": refused(lambda: orq.identities.list(limit=500)),
        "deployment": refused(lambda: orq.deployments.invoke(key="nothing")),
        "spent": refused(lambda: orq.deployments.invoke(key="demo", **AS_SPENT)),
        "spent_chat": refused(lambda: chat(orq, **AS_SPENT)),
    }


say(
    created,
    again,
    called,
    budgets,
    found,
    listed,
    paged,
    updated,
    odd,
    keys,
    capabilities,
    reported,
    deleted,
    errors,
)
