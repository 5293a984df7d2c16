"""No answer holds a null: the Node client refuses null where a key may be absent."""

from __future__ import annotations

import pytest

from tests.api.operations import OPERATIONS, READS_KEYS, named, send
from tests.make import make_api_key, make_budget, make_identity


def find_nulls(value, path="$"):
    """Yield the path of every null below a JSON value."""
    if value is None:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from find_nulls(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from find_nulls(inner, f"{path}[{index}]")


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_no_answer_holds_a_null(api, workspace, operation, full):
    identity = make_identity(workspace, "bare")
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
        assert list(find_nulls(answer.json())) == []
    assert list(find_nulls(error.json())) == []


def test_the_walk_finds_nulls_wherever_they_are():
    assert list(find_nulls({"a": [{"b": None}, 1], "c": None})) == ["$.a[0].b", "$.c"]
