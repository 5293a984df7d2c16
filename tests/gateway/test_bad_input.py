"""Bad input of metered calls: the envelope, never a 5xx, never a usage row."""

from __future__ import annotations

import json

import pytest

from metering.models import Deployment, Provider
from tests.gateway.client import CHAT, HELLO, INVOKE, require_envelope

pytestmark = [pytest.mark.race, pytest.mark.slow]

DEEP = b'{"key":"demo","x":' + b"[" * 5000 + b"]" * 5000 + b"}"
BAD_BODIES = {
    "nothing": b"{",
    "text": b"hello",
    "not utf-8": b'{"key":"\xff"}',
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "NaN": b'{"key":"demo","x":NaN}',
    "infinity": b'{"key":"demo","x":1e999}',
    "trailing comma": b'{"key":"demo",}',
    "deep": DEEP,
    "deep but short": b'{"key":"demo","x":' + b"[" * 99 + b"]" * 99 + b"}",
    "NUL": b'{"key":"de\\u0000mo"}',
    "half a surrogate": b'{"key":"demo","metadata":{"a":"\\ud800"}}',
    "a number of 5000 digits": b'{"key":"demo","x":' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("path", [INVOKE, CHAT])
@pytest.mark.parametrize("raw", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_no_json_object_is_a_400(client, acme, facts, path, raw):
    answer = client.post(path, raw)

    require_envelope(answer, 400, "body_invalid")
    assert facts.events(acme) == []


WRONG = ["", 7, 1.5, True, [], {}, ["x"], {"a": 1}]


def without(*types):
    """Values of none of these types."""
    return [value for value in WRONG if type(value) not in types]


WRONG_FIELDS = {
    (INVOKE, "key"): [None, "", *without(str)],
    (INVOKE, "stream"): [True, "", "no", 0, 1, [], {}],
    (INVOKE, "inputs"): without(dict),
    (INVOKE, "metadata"): without(dict),
    (INVOKE, "extra_params"): without(dict),
    (INVOKE, "messages"): ["", 7, {}, ["x"], [None], [{}], [{"role": 7}]],
    (INVOKE, "prefix_messages"): ["", 7, {}, ["x"], [None], [{}], [{"role": None}]],
    (CHAT, "model"): [None, "", "x" * 201, *without(str)],
    (CHAT, "stream"): [True, "true", 1],
    (CHAT, "messages"): [None, "", 7, {}, [], ["x"], [None], [{}], [{"role": 7}]],
    (CHAT, "metadata"): without(dict),
    (INVOKE, "orq"): without(dict),
    (CHAT, "orq"): without(dict),
    (CHAT, "n"): ["", 1.5, True, [], {}, 0, -1, 129, "2"],
    (CHAT, "max_tokens"): ["", 1.5, True, [], {}, 0, -1, 10**7 + 1, 10**400],
    (CHAT, "max_completion_tokens"): ["5", 1.5, True, [], 0, -1, 10**30],
}


@pytest.mark.parametrize("place", WRONG_FIELDS, ids=lambda p: f"{p[0][-8:]} {p[1]}")
def test_fields_of_the_wrong_type_or_size_are_a_400(client, acme, facts, place):
    path, name = place
    right = {INVOKE: {"key": "demo"}, CHAT: {"model": "orq/echo", "messages": HELLO}}
    for wrong in WRONG_FIELDS[place]:
        answer = client.post(path, {**right[path], name: wrong})

        require_envelope(answer, 400, answer.error["code"])
        assert answer.error["type"] == "invalid_request_error"
    assert facts.events(acme) == []
    assert facts.holds(acme) == []


@pytest.mark.parametrize(
    "metadata",
    [
        {str(number): "x" for number in range(17)},
        {"k" * 65: "x"},
        {"k": "x" * 513},
        {"k": {"deep": "x" * 513}},
    ],
)
def test_metadata_is_bounded(client, metadata):
    """Contract 9: 16 pairs of at most 64 and 512 characters."""
    for answer in (client.invoke(metadata=metadata), client.chat(metadata=metadata)):
        require_envelope(answer, 400, "invalid_metadata")


def test_metadata_just_within_its_bounds_is_kept(client, acme, facts):
    metadata = {f"{number:064}": "é" * 512 for number in range(16)}

    assert client.chat(metadata=metadata).status == 200

    assert facts.events(acme)[0]["metadata"] == metadata


def test_an_unknown_deployment_is_a_404(client, globex, facts, acme):
    deployed = Deployment.objects.get(workspace=globex, key="demo")
    deployed.pk, deployed.key = None, "charlies"
    deployed.save(force_insert=True)

    for key in ("missing", "DEMO", "charlies", "x" * 500, "'; --"):
        require_envelope(client.invoke(key=key), 404, "deployment_not_found")
    assert facts.events(acme) == []


@pytest.mark.parametrize(
    "model", ["nobody/gpt", "orq/gpt", "orq/", "orq/orq/echo", "/", "a/b/c"]
)
def test_an_unknown_provider_or_built_in_model_is_a_404(client, acme, facts, model):
    answer = client.chat(model)

    require_envelope(answer, 404, "model_not_found")
    assert facts.events(acme) == []


def test_a_provider_that_is_switched_off_is_a_400(client, acme):
    Provider.objects.filter(workspace=acme).update(is_active=False)

    for answer in (client.invoke(), client.chat(), client.chat("openai/ok")):
        require_envelope(answer, 400, "provider_inactive")


def test_a_body_beyond_the_bound_is_a_413(client, acme, facts):
    answer = client.invoke(messages=[{"role": "user", "content": "x" * 100_001}])

    require_envelope(answer, 413, "body_too_large")
    assert client.invoke().status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [INVOKE, CHAT])
def test_other_methods_are_a_405(client, method, path):
    answer = client.request(method, path, b"{}", {})

    require_envelope(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "path", ["/v2/router/nothing", "/v3/router/", "/v2/router/chat/completions/"]
)
def test_unknown_routes_of_the_router_are_a_404_without_redirect(client, path):
    require_envelope(client.post(path, {}), 404, "not_found")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer :",
        "Bearer wrong",
        "Basic YTpi",
        "Token x",
        "Bearer " + "x" * 5000,
        "Bearer ééé",
    ],
)
@pytest.mark.parametrize("path", [INVOKE, CHAT])
def test_without_a_valid_key_it_is_a_401_before_anything_is_read(
    anonymous, path, authorization
):
    headers = {} if authorization is None else {"Authorization": authorization}
    headers = {name: value.encode("latin-1") for name, value in headers.items()}

    answer = anonymous.post(path, b"{", headers=headers)

    require_envelope(answer, 401, "invalid_api_key")
    assert answer.body["code"] == 16
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_deployment_variable_without_a_value_is_a_400(client, acme):
    Deployment.objects.filter(workspace=acme).update(
        messages=[{"role": "user", "content": "Hi {{name}} of {{ place }}"}]
    )

    answer = client.invoke(inputs={"name": "Jane"})

    require_envelope(answer, 400, "inputs_missing")
    assert "place" in answer.body["message"]


def test_a_deployment_without_messages_asks_for_some(client, acme):
    Deployment.objects.filter(workspace=acme).update(messages=[])

    require_envelope(client.invoke(), 400, "messages_missing")
    assert client.invoke(messages=HELLO).status == 200


def test_unusual_but_harmless_bodies_are_served(client):
    """What a client may say that we do not use is no reason to refuse it."""
    for body in (
        {"context": "production"},
        {"unknown": {"deep": [1, 2, {"a": None}]}},
        {"documents": [], "file_ids": [], "thread": {"id": "t", "tags": []}},
        {"stream": False, "inputs": None, "metadata": None, "messages": None},
        {"orq": None, "identity": None, "contact": None},
    ):
        assert client.invoke(**body).status == 200
    for body in (
        {"stream": None, "tools": [], "n": 2, "max_tokens": 1},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, 7]}]},
        {"messages": [{"role": "assistant"}, {"role": "tool", "content": {"a": 1}}]},
    ):
        assert client.chat(**body).status == 200


def test_a_byte_order_mark_and_duplicate_keys_are_read_as_json_readers_do(client):
    text = json.dumps({"key": "missing", "x": 1})[:-1] + ', "key": "demo"}'

    assert client.post(INVOKE, b"\xef\xbb\xbf" + text.encode()).status == 200


@pytest.mark.parametrize(
    "stored",
    [
        {"messages": "hello"},
        {"messages": ["hello"]},
        {"messages": [{"content": "no role"}]},
        {"parameters": ["temperature"]},
    ],
)
def test_a_deployment_stored_past_the_checks_is_a_clear_400(client, acme, stored):
    Deployment.objects.filter(workspace=acme).update(**stored)
    require_envelope(client.invoke(), 400, "deployment_invalid")
