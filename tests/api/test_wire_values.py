"""What no answer holds: nulls, epoch times, numbers as texts.

The Node client refuses null where a key may be absent, numbers where it expects an
instant, and texts where it expects a number.
"""

from __future__ import annotations

import re

import pytest

from tests.api.operations import OPERATIONS, READS_KEYS, named, send
from tests.make import make_api_key, make_budget, make_event, make_identity

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
TIMES = re.compile(r"(created|updated|timestamp|expiration|.*(_at|At))")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def find_faults(value, path="$"):
    """Yield the path of every value below a JSON value that no client takes."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from find_faults(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from find_faults(inner, f"{path}[{index}]")
    elif fault := fault_of(path.rpartition(".")[2], value):
        yield f"{path} {fault}: {value!r}"


def fault_of(name, value):
    """Say what is wrong with a plain value under this name, if anything is."""
    if value is None:
        return "is null"
    text = value if isinstance(value, str) else ""
    if TIMES.fullmatch(name) and not INSTANT.fullmatch(text):
        return "is no instant"
    return "is a number as text" if NUMBER.fullmatch(text) else None


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_no_answer_holds_what_a_client_refuses(api, workspace, operation, full):
    identity = make_identity(workspace, "bare")
    make_event(workspace, "bare")
    budget = make_budget(workspace, "bare", period="one_time")
    flags = "?include_metrics=true&include_budget=true" if full else ""
    asked = operation._replace(path=f"{operation.path}{flags}")

    api_key = make_api_key(workspace, **READS_KEYS)
    answer = send(
        api,
        asked,
        identity=identity.public_id,
        budget=budget.public_id,
        api_key=api_key.public_id,
    )
    error = send(api, asked, b"[]")

    assert answer.status_code in {200, 201, 204}
    if answer.status_code != 204:
        assert list(find_faults(answer.json())) == []
    assert list(find_faults(error.json())) == []


@pytest.mark.parametrize(
    "value",
    [
        {"a": [{"b": None}]},
        {"created": 1795364347},
        {"data": [{"expires_at": "2026-02-25 08:32"}]},
        {"updatedAt": "2026-02-25T08:32:31"},
        {"limits": {"amount": "5.0"}},
        {"usage": ["3e2"]},
    ],
)
def test_the_walk_finds_faults_wherever_they_are(value):
    assert len(list(find_faults(value))) == 1


def test_the_walk_takes_what_the_contract_shows():
    good = {"created": "2026-02-25T08:32:31.153Z", "amount": 5, "external_id": "u1"}
    assert list(find_faults([good, {"is_active": True, "cost": 0.5}])) == []
