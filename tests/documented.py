"""Holds requests and answers against the OpenAPI document, stricter than it says.

A client must bear fields that come later, so the document leaves objects open; here
they are closed: a field of an answer that is not described fails the test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from orqstudio.openapi.document import make_document

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch"})
JSON = "application/json"
GREEDY = ("/v2/identities/{id}", "/v2/contacts/{id}")
"""Addresses whose last part may hold slashes."""


class Documented(NamedTuple):
    """One operation of the document."""

    method: str
    path: str
    facts: dict[str, Any]

    @property
    def id(self) -> str:
        return self.facts["operationId"]


@cache
def operations() -> tuple[Documented, ...]:
    """All operations, those without a part to fill in first."""
    paths = make_document()["paths"]
    return tuple(
        Documented(method, path, facts)
        for path in sorted(paths, key=lambda path: "{" in path)
        for method, facts in paths[path].items()
        if method in METHODS
    )


def find_operation(method: str, path: str) -> Documented | None:
    """The operation that a request addresses, None where there is none."""
    wanted = "get" if method.lower() == "head" else method.lower()
    path = path.partition("?")[0]
    found = (
        each
        for each in operations()
        if each.method == wanted and _pattern(each.path).fullmatch(path)
    )
    return next(found, None)


def check_exchange(
    method: str,
    path: str,
    sent: Any,
    *,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
) -> None:
    """Fail unless the document allows the answer, and the body that was accepted.

    Args:
        method: of the request.
        path: of the request, with or without its query.
        sent: body as an object, anything else when it was none.
        status: of the answer.
        headers: of the answer.
        content: of the answer.
    """
    operation = find_operation(method, path)
    if operation is None:
        assert status in {404, 405}, (method, path, status)
        return
    described = describe_answer(operation, status)
    assert described is not None, (operation.id, status)
    there = {name.lower(): value for name, value in headers.items()}
    for name, facts in described.get("headers", {}).items():
        assert name.lower() in there or not facts["required"], (operation.id, name)
    if method.lower() != "head":
        _check_content(operation, described, there, content)
    if status < HTTPStatus.BAD_REQUEST and isinstance(sent, dict):
        check_request(operation, sent)


def describe_answer(operation: Documented, status: int) -> dict[str, Any] | None:
    """What the document says of one status of an operation."""
    described = operation.facts["responses"].get(str(status))
    return None if described is None else resolve(described)


def check_request(operation: Documented, body: Any) -> None:
    """Fail unless the document allows the body of a request."""
    schema = operation.facts["requestBody"]["content"][JSON]["schema"]
    fail_unless_valid(body, schema, is_closed=False)


def check_body(schema: dict[str, Any], body: Any) -> None:
    """Fail unless the body of an answer has all that is described, and nothing else."""
    fail_unless_valid(body, schema, is_closed=True)


def fail_unless_valid(value: Any, schema: dict[str, Any], *, is_closed: bool) -> None:
    """Fail with every place where a value is not what the schema says."""
    validator = _validator(_Key(schema), is_closed)
    wrong = [f"{each.json_path}: {each.message}" for each in _leaves(validator, value)]
    assert not wrong, (wrong, value)


def resolve(part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the components."""
    if "$ref" not in part:
        return part
    found: Any = make_document()
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def _check_content(
    operation: Documented, described: Any, headers: Mapping[str, str], raw: bytes
) -> None:
    content = described.get("content")
    if content is None:
        assert raw == b"", operation.id
        return
    assert headers["content-type"].partition(";")[0] == JSON
    check_body(content[JSON]["schema"], json.loads(raw))


class _Key:
    """Lets a cache tell schemas apart; those of the document live as long as it."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.schema is self.schema


@cache
def _validator(key: _Key, is_closed: bool) -> Draft202012Validator:
    schema = _close(key.schema) if is_closed else key.schema
    return Draft202012Validator(
        {**schema, "components": _components(is_closed)},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


@cache
def _components(is_closed: bool) -> dict[str, Any]:
    components = make_document()["components"]
    return _close(components) if is_closed else components


def _close(part: Any) -> Any:
    """The same with every object closed that lists its fields and says no more."""
    if isinstance(part, list):
        return [_close(each) for each in part]
    if not isinstance(part, dict):
        return part
    closed = {name: _close(each) for name, each in part.items()}
    if isinstance(part.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


def _leaves(validator: Draft202012Validator, value: Any) -> list[Any]:
    found = list(validator.iter_errors(value))
    return [leaf for error in found for leaf in (error.context or [error])]


@cache
def _pattern(path: str) -> re.Pattern[str]:
    part = ".+" if path in GREEDY else "[^/]+"
    pieces = re.split(r"\{\w+\}", path)
    return re.compile(part.join(re.escape(piece) for piece in pieces), re.DOTALL)
