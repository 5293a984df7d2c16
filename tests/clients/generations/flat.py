"""orq-ai-sdk 4.2 to 4.9: flat identities, contacts that are created or updated."""

from __future__ import annotations

from orq_ai_sdk import Orq
from said import KEY, SPENT, URL, USER, refused, say

PROFILE = {
    "display_name": "Jane Doe",
    "email": "jane@example.com",
    "avatar_url": "https://example.com/jane.jpg",
    "tags": [USER, "b c"],
    "metadata": {"role": "admin", "since": {"year": 2024}},
}
orq = Orq(api_key=KEY, server_url=URL)
as_user = Orq(api_key=KEY, server_url=URL, contact_id=USER, environment="production")


def created():
    """Create an identity."""
    return orq.identities.create(request={"external_id": USER, **PROFILE})


def found():
    """Retrieve it by both references, with and without metrics."""
    own_id = orq.identities.retrieve(id=USER).id
    return [
        orq.identities.retrieve(id=USER),
        orq.identities.retrieve(id=own_id),
    ]


def again():
    """Create it a second time."""
    return refused(lambda: orq.identities.create(request={"external_id": USER}))


def invoked():
    """Call as the contact of the constructor, then as an identity in the body."""
    identity = {"id": f"{USER}-body", "display_name": "Body"}
    return [
        as_user.deployments.invoke(key="demo"),
        orq.deployments.invoke(key="demo", identity=identity),
        orq.identities.retrieve(id=f"{USER}-body"),
    ]


def chatted():
    """Call the router for nobody."""
    messages = [{"role": "user", "content": "Hello"}]
    return orq.router.chat.completions.create(model="orq/echo", messages=messages)


def listed():
    """List by two tags, metrics asked for and not."""
    both = {"tags": [USER, "b c"]}
    return {
        "plain": orq.identities.list(filter_by=both),
        "metrics": orq.identities.list(filter_by=both, include_metrics=True),
        "search": orq.identities.list(search="JANE D", filter_by={"tags": [USER]}),
        "nobody": orq.identities.list(filter_by={"tags": ["nobody has it"]}),
        "whole": len(orq.identities.list(limit=50).data),
    }


def paged():
    """Walk three identities in pages of two, forward and back."""
    for number in range(3):
        request = {"external_id": f"{USER}-{number}", "tags": [f"{USER}-page"]}
        orq.identities.create(request=request)
    query = {"limit": 2, "filter_by": {"tags": [f"{USER}-page"]}}
    first = orq.identities.list(**query)
    rest = orq.identities.list(**query, starting_after=first.data[-1].id)
    back = orq.identities.list(**query, ending_before=rest.data[0].id)
    pages = [first, rest, back]
    return [[[each.external_id for each in p.data], p.has_more] for p in pages]


def updated():
    """Clear by null and by an empty list, replace the metadata."""
    return orq.identities.update(
        id=USER, display_name=None, email=None, tags=[], metadata={"role": "guest"}
    )


def odd():
    """Address identities by what the client leaves as it is in a path."""
    said = []
    for external_id in (f"{USER}/team a", f"{USER} é 50%", f"{USER}:b@c"):
        orq.identities.create(request={"external_id": external_id})
        orq.identities.update(id=external_id, display_name="Odd")
        identity = orq.identities.retrieve(id=external_id)
        gone = orq.identities.delete(id=external_id)
        said.append([identity.external_id == external_id, identity.display_name, gone])
    return said


def contacts():
    """Create a contact, then update it by the same call."""
    facts = {"external_id": f"{USER}-contact", "display_name": "Jo"}
    return [
        orq.contacts.create(**facts, tags=["x"]),
        orq.contacts.create(**facts | {"display_name": "Joanna"}),
    ]


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
    wrong = {"external_id": f"{USER}-x", "email": "no address"}
    spent = Orq(api_key=KEY, server_url=URL, contact_id=SPENT)
    return {
        "key": refused(stranger.identities.list),
        "key_of_a_call": refused(lambda: stranger.deployments.invoke(key="demo")),
        "email": refused(lambda: orq.identities.create(request=wrong)),
        "limit": refused(lambda: orq.identities.list(limit=500)),
        "deployment": refused(lambda: orq.deployments.invoke(key="nothing")),
        "spent": refused(lambda: spent.deployments.invoke(key="demo")),
    }


say(
    created,
    found,
    again,
    invoked,
    chatted,
    listed,
    paged,
    updated,
    odd,
    contacts,
    deleted,
    errors,
)
