"""Whom a call belongs to: every source, their order, and what reaches the record."""

from __future__ import annotations

import pytest

from identities.models import Identity
from tests.gateway.client import HELLO, INVOKE, GatewayClient, require_envelope
from tests.make import make_budget, make_identity, make_key

pytestmark = [pytest.mark.race, pytest.mark.slow]

BODY = {"key": "demo"}
SOURCES = [
    ("identity", {"identity": {"id": "u"}}, {}),
    ("orq.identity", {"orq": {"identity": {"id": "u"}}}, {}),
    ("contact", {"contact": {"id": "u"}}, {}),
    ("orq.contact", {"orq": {"contact": {"id": "u"}}}, {}),
    ("X-ORQ-IDENTITY-ID", {}, {"X-ORQ-IDENTITY-ID": "u"}),
    ("X-ORQ-CONTACT-ID", {}, {"X-ORQ-CONTACT-ID": "u"}),
    ("contactid", {}, {"contactId": "u"}),
]
"""In the order in which the first one wins."""


def owner(facts, workspace):
    """Whose the last call was."""
    return facts.events(workspace)[-1]["external_id"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source[0])
def test_every_source_names_the_identity_and_meets_the_same_budget(
    client, acme, facts, source
):
    """A10: header, body and legacy names give one decision."""
    _, body, headers = source
    make_budget(acme, "u", amount_usd="0.03")

    answers = [client.post(INVOKE, BODY | body, headers=headers) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert owner(facts, acme) == "u"


@pytest.mark.parametrize("first", range(len(SOURCES) - 1))
def test_of_two_sources_the_earlier_one_wins(client, acme, facts, first):
    """Contract 5.1, for each neighbouring pair."""
    _, body, headers = _renamed(SOURCES[first], "winner")
    _, later_body, later_headers = _renamed(SOURCES[first + 1], "loser")
    orq = {**later_body.get("orq", {}), **body.get("orq", {})}
    sent = {**BODY, **later_body, **body, **({"orq": orq} if orq else {})}

    answer = client.post(INVOKE, sent, headers={**later_headers, **headers})

    assert answer.status == 200
    assert owner(facts, acme) == "winner"


def _renamed(source, name):
    label, body, headers = source
    text = {"identity": {"id": name}, "contact": {"id": name}}
    renamed = {key: text.get(key) for key in body if key != "orq"}
    if "orq" in body:
        renamed["orq"] = {key: text[key] for key in body["orq"]}
    return label, renamed, dict.fromkeys(headers, name)


def test_a_call_that_names_nobody_is_nobodys(client, acme, facts):
    assert client.invoke().status == 200
    assert owner(facts, acme) == ""
    assert not Identity.objects.filter(workspace=acme).exists()


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("zoë".encode(), "zoë"),
        ("zoë".encode("latin-1"), "zoë"),
        ("日本".encode(), "日本"),
        (b"  spaced  ", "spaced"),
        (b"a" * 255, "a" * 255),
        (b"", ""),
    ],
)
def test_headers_are_read_as_utf8_and_else_as_latin1(client, acme, facts, raw, name):
    answer = client.post(INVOKE, BODY, headers={"X-ORQ-IDENTITY-ID": raw})

    assert answer.status == 200
    assert owner(facts, acme) == name


def test_a_header_only_tags_and_creates_no_record(client, acme):
    """Contract 5.3: never reject the call, never make a record of a header."""
    assert client.invoke("unheard_of").status == 200

    assert not Identity.objects.filter(workspace=acme).exists()


def test_a_body_identity_creates_the_record_with_all_it_says(client, acme):
    said = {
        "id": "new",
        "display_name": "Jane",
        "email": "jane@example.com",
        "logo_url": "https://example.com/j.png",
        "tags": ["premium", "premium", "beta"],
        "metadata": [{"plan": "free", "seat": 1}, {"plan": "pro"}],
    }

    assert client.invoke(identity=said).status == 200

    made = Identity.objects.get(workspace=acme)
    assert (made.external_id, made.display_name) == ("new", "Jane")
    assert (made.email, made.avatar_url) == (said["email"], said["logo_url"])
    assert made.tags == ["premium", "beta"]
    assert made.metadata == {"plan": "pro", "seat": 1}
    assert made.source == "call"


def test_a_body_identity_overwrites_what_it_says_and_keeps_the_rest(client, acme):
    make_identity(acme, "known", display_name="Old", email="old@example.com")

    client.chat(orq={"identity": {"id": "known", "display_name": "New", "email": None}})

    known = Identity.objects.get(workspace=acme)
    assert (known.display_name, known.email) == ("New", "old@example.com")
    assert known.source == "api"


def test_a_record_made_by_charlies_call_is_charlies(
    client, charlies_client, acme, globex
):
    charlies_client.invoke(identity={"id": "same", "display_name": "His"})
    client.invoke(identity={"id": "same", "display_name": "Ours"})

    names = {
        identity.workspace_id: identity.display_name
        for identity in Identity.objects.filter(workspace__in=[acme, globex])
    }
    assert names == {acme.pk: "Ours", globex.pk: "His"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source[0])
def test_a_bound_key_belongs_to_its_identity_whatever_a_request_names(
    server, acme, facts, source
):
    """G6: nobody bills a victim or dodges a limit."""
    bound = GatewayClient(server.port, make_key(acme, bound_external_id="alice"))
    _, body, headers = _renamed(source, "victim")

    bound.post(INVOKE, BODY | body, headers=headers)

    assert [event["external_id"] for event in facts.events(acme)] == ["alice"]
    assert not Identity.objects.filter(workspace=acme, external_id="victim").exists()


def test_a_bound_key_may_describe_its_own_identity(server, acme):
    bound = GatewayClient(server.port, make_key(acme, bound_external_id="alice"))

    bound.invoke(identity={"id": "alice", "display_name": "Alice"})

    assert Identity.objects.get(workspace=acme).display_name == "Alice"


BAD_IDENTITIES = [
    "u",
    7,
    [],
    ["u"],
    True,
    {},
    {"id": None},
    {"id": ""},
    {"id": "   "},
    {"id": 7},
    {"id": ["u"]},
    {"id": "a" * 256},
    {"id": "line\nbreak"},
    {"id": "bell\u0007"},
    {"id": "u", "display_name": 7},
    {"id": "u", "display_name": "x" * 256},
    {"id": "u", "email": ["a@b.c"]},
    {"id": "u", "email": "x" * 321},
    {"id": "u", "logo_url": {}},
    {"id": "u", "logo_url": "x" * 2049},
    {"id": "u", "tags": "premium"},
    {"id": "u", "tags": [7]},
    {"id": "u", "tags": [""]},
    {"id": "u", "tags": ["x" * 121]},
    {"id": "u", "tags": [str(n) for n in range(51)]},
    {"id": "u", "metadata": "x"},
    {"id": "u", "metadata": ["x"]},
    {"id": "u", "metadata": {str(n): n for n in range(21)}},
]


@pytest.mark.parametrize("place", ["identity", "contact", "orq.identity"])
def test_an_identity_that_cannot_be_kept_is_a_400_and_calls_nobody(
    client, acme, facts, place
):
    """G7: bounded lengths, characters and types."""
    for bad in BAD_IDENTITIES:
        body = {"orq": {"identity": bad}} if place == "orq.identity" else {place: bad}

        answer = client.post(INVOKE, BODY | body)

        require_envelope(answer, 400, "invalid_identity")
    assert facts.events(acme) == []
    assert not Identity.objects.filter(workspace=acme).exists()


def test_one_that_cannot_be_kept_is_a_400_beside_a_good_one_too(client, acme, facts):
    body = {"identity": {"id": "u"}, "orq": {"contact": {}}}

    require_envelope(client.post(INVOKE, BODY | body), 400, "invalid_identity")

    assert facts.events(acme) == []


@pytest.mark.parametrize("raw", [b"a" * 256, b"tab\tinside", b"\xc2\x85"])
def test_a_header_that_cannot_be_kept_is_a_400(client, acme, facts, raw):
    headers = {"X-ORQ-IDENTITY-ID": raw}

    answer = client.post(INVOKE, BODY, headers=headers)

    require_envelope(answer, 400, "invalid_identity")
    assert facts.events(acme) == []


def test_the_record_is_made_even_where_the_call_is_refused(client, acme):
    """Who was refused shall be found in the list."""
    make_budget(acme, "poor", amount_usd=0)

    answer = client.chat(identity={"id": "poor"}, messages=HELLO)

    assert answer.status == 429
    assert Identity.objects.filter(workspace=acme, external_id="poor").exists()
