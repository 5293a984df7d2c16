"""orq-ai-sdk 3.12 to 4.1: contacts, and budgets of contacts and the workspace."""

from __future__ import annotations

from orq_ai_sdk import Orq
from said import KEY, SPENT, URL, USER, refused, say

PROFILE = {
    "display_name": "Jane Doe",
    "email": "jane@example.com",
    "avatar_url": "https://example.com/jane.jpg",
    "tags": [USER, "b c"],
    "metadata": {"role": "admin"},
}
orq = Orq(api_key=KEY, server_url=URL)
as_user = Orq(api_key=KEY, server_url=URL, contact_id=USER, environment="production")


def created():
    """Create a contact."""
    return orq.contacts.create(request={"external_id": USER, **PROFILE})


def again():
    """Create it a second time."""
    return refused(lambda: orq.contacts.create(request={"external_id": USER}))


def invoked():
    """Call as the contact of the constructor."""
    return as_user.deployments.invoke(key="demo")


def listed():
    """List by two tags; the client sends `limit=10.0`."""
    both = {"tags": [USER, "b c"]}
    return {
        "two": orq.contacts.list(filter_by=both),
        "nobody": orq.contacts.list(filter_by={"tags": ["nobody has it"]}),
    }


def paged():
    """Walk three contacts in pages of two, forward and back."""
    for number in range(3):
        request = {"external_id": f"{USER}-{number}", "tags": [f"{USER}-page"]}
        orq.contacts.create(request=request)
    query = {"limit": 2, "filter_by": {"tags": [f"{USER}-page"]}}
    first = orq.contacts.list(**query)
    rest = orq.contacts.list(**query, starting_after=first.data[-1].id)
    back = orq.contacts.list(**query, ending_before=rest.data[0].id)
    pages = [first, rest, back]
    return [[[each.external_id for each in p.data], p.has_more] for p in pages]


def found():
    """Retrieve it by both references."""
    own_id = orq.contacts.retrieve(id=USER).id
    return [orq.contacts.retrieve(id=USER), orq.contacts.retrieve(id=own_id)]


def updated():
    """Clear by null and by an empty list."""
    return orq.contacts.update(id=USER, display_name=None, tags=[])


def budgets():
    """Create, read, list, change and delete the budget of the contact."""
    terms = {"type": "contact", "entity_id": USER, "period": "monthly", "amount": 5}
    made = orq.budgets.create(request=terms)
    again = refused(lambda: orq.budgets.create(request=terms))
    got = orq.budgets.get(id=made.id)
    listed = orq.budgets.list(type_="contact", entity_id=USER)
    body = {"budget": {"period": "weekly"}, "is_active": False}
    changed = orq.budgets.update(id=made.id, **body)
    return {
        "made": made,
        "again": again,
        "got": got,
        "listed": listed,
        "changed": changed,
        "gone": orq.budgets.delete(id=made.id),
        "get": refused(lambda: orq.budgets.get(id=made.id)),
        "delete": refused(lambda: orq.budgets.delete(id=made.id)),
    }


def deleted():
    """Delete it, and ask for it in every way once more."""
    return {
        "answer": orq.contacts.delete(id=USER),
        "retrieve": refused(lambda: orq.contacts.retrieve(id=USER)),
        "update": refused(lambda: orq.contacts.update(id=USER, tags=[])),
        "delete": refused(lambda: orq.contacts.delete(id=USER)),
    }


def errors():
    """Collect what else can go wrong."""
    stranger = Orq(api_key="sk-wrong", server_url=URL)
    wrong = {"external_id": f"{USER}-x", "email": "no address"}
    spent = Orq(api_key=KEY, server_url=URL, contact_id=SPENT)
    return {
        "key": refused(stranger.contacts.list),
        "email": refused(lambda: orq.contacts.create(request=wrong)),
        "spent": refused(lambda: spent.deployments.invoke(key="demo")),
    }


say(
    created,
    again,
    invoked,
    listed,
    paged,
    found,
    updated,
    budgets,
    deleted,
    errors,
)
