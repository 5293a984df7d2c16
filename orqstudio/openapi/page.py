"""From the document to what the page shows: groups, operations, rows of fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orqstudio.lib.curl import build_curl
from orqstudio.openapi.document import make_document
from orqstudio.openapi.examples import find_example
from orqstudio.openapi.operation import JSON, Parts

INLINE_MOST = 4
"""A deeper object would be a table nobody reads."""
FORMATS = {
    "date-time": "RFC 3339",
    "email": "e-mail address",
    "uri": "web address",
    "time-zone": "time zone",
    "cel": "CEL",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: words, and the schemas they name."""

    words: str
    links: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A field or a parameter; `place` is where a parameter stands."""

    name: str
    kind: Kind
    description: str = ""
    is_required: bool = False
    is_deprecated: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    """JSON that goes one way: the schema by name or by its rows, and an example."""

    kind: Kind
    rows: tuple[Row, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One status of an operation; `anchor` leads to a refusal described once."""

    status: str
    description: str
    body: Body | None = None
    headers: tuple[Row, ...] = ()
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One operation; `curl` is its example for the shell."""

    id: str
    method: str
    path: str
    summary: str
    paragraphs: tuple[str, ...]
    is_open: bool
    is_deprecated: bool
    parameters: tuple[Row, ...]
    request: Body | None
    replies: tuple[Reply, ...]
    refusals: tuple[Reply, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one tag."""

    name: str
    anchor: str
    about: str
    operations: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """One schema of the document."""

    name: str
    description: str
    rows: tuple[Row, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Page:
    """All that is shown."""

    title: str
    version: str
    paragraphs: tuple[str, ...]
    groups: tuple[Group, ...]
    errors: tuple[Reply, ...]
    schemas: tuple[Named, ...]


@lru_cache(maxsize=8)
def make_page(base_url: str) -> Page:
    """Return what the document says, in the order in which it is read.

    Args:
        base_url: of this server, for the commands.
    """
    document = make_document()
    components = document["components"]
    return Page(
        title=document["info"]["title"],
        version=document["info"]["version"],
        paragraphs=_paragraphs(document["info"]["description"]),
        groups=tuple(
            _group(tag, document["paths"], base_url) for tag in document["tags"]
        ),
        errors=tuple(
            _reply(name, described, anchor=name)
            for name, described in components["responses"].items()
        ),
        schemas=tuple(
            Named(
                name,
                schema.get("description", ""),
                tuple(_rows(schema)),
                describe(schema),
            )
            for name, schema in sorted(components["schemas"].items())
        ),
    )


def describe(schema: Parts) -> Kind:
    """Return in words what values a schema allows."""
    if "$ref" in schema:
        return Kind("", (schema["$ref"].rpartition("/")[2],))
    if "anyOf" in schema:
        return _describe_either(schema["anyOf"])
    if "enum" in schema:
        return _describe_choice(schema["enum"])
    kinds = schema.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    first = _describe_one(kinds[0], schema)
    words = " or ".join([first.words, *kinds[1:]])
    return Kind(words, first.links, first.choices)


def _describe_either(schemas: list[Parts]) -> Kind:
    kinds = [describe(each) for each in schemas]
    words = " or ".join(dict.fromkeys(each.words for each in kinds if each.words))
    has_link = any(each.links for each in kinds)
    return Kind(
        f"or {words}" if has_link and words else words,
        tuple(link for each in kinds for link in each.links),
        tuple(choice for each in kinds for choice in each.choices),
    )


def _describe_choice(values: list[Any]) -> Kind:
    if values == ["", None]:
        return Kind("empty or null")
    texts = [each if isinstance(each, str) else json.dumps(each) for each in values]
    return Kind("one of" if len(texts) > 1 else "always", (), tuple(texts))


def _describe_one(kind: str, schema: Parts) -> Kind:
    if kind == "array":
        inner = describe(schema["items"])
        most = f"; at most {schema['maxItems']:,}" if "maxItems" in schema else ""
        words = f"list of {inner.words}".rstrip()
        return Kind(f"{words}{most}", inner.links, inner.choices)
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        inner = describe(schema["additionalProperties"])
        return Kind(f"map of {inner.words}".rstrip(), inner.links, inner.choices)
    if kind == "string":
        return Kind(f"text{_bounds(schema, 'minLength', 'maxLength', ' characters')}")
    if kind in {"integer", "number"}:
        name = "whole number" if kind == "integer" else "number"
        return Kind(f"{name}{_bounds(schema, 'minimum', 'maximum')}")
    return Kind({"boolean": "true or false"}.get(kind, kind))


def _bounds(schema: Parts, least: str, most: str, unit: str = "") -> str:
    """Return `, 1 to 120 characters` and the name of the format, where there are."""
    name = f", {FORMATS[known]}" if (known := schema.get("format")) in FORMATS else ""
    if most in schema:
        return f"{name}, {schema.get(least, 0):,} to {schema[most]:,}{unit}"
    if schema.get(least) and not unit:
        return f"{name}, from {schema[least]:,}"
    return name


def _group(tag: Parts, paths: Parts, base_url: str) -> Group:
    name = tag["name"]
    operations = tuple(
        _shown(path, method, facts, base_url)
        for path, item in paths.items()
        for method, facts in item.items()
        if name in facts["tags"]
    )
    anchor = re.sub(r"\W+", "-", name.lower())
    return Group(name, anchor, tag["description"], operations)


def _shown(path: str, method: str, facts: Parts, base_url: str) -> Shown:
    replies = {
        status: each
        for status, each in facts["responses"].items()
        if "$ref" not in each
    }
    request = facts.get("requestBody")
    return Shown(
        id=facts["operationId"],
        method=method.upper(),
        path=path,
        summary=facts["summary"],
        paragraphs=_paragraphs(facts.get("description", "")),
        is_open=facts.get("security") == [],
        is_deprecated=facts.get("deprecated", False),
        parameters=tuple(_parameter(each) for each in facts.get("parameters", ())),
        request=_body(request["content"][JSON]) if request else None,
        replies=tuple(_reply(status, each) for status, each in replies.items()),
        refusals=tuple(_refusals(facts["responses"])),
        curl=_curl(path, method, facts, base_url),
    )


def _curl(path: str, method: str, facts: Parts, base_url: str) -> str:
    """Return the operation's example as a command for the shell."""
    name = facts["operationId"]
    url = f"{base_url}{find_example(name, 'path') or path}"
    if facts.get("security") == []:
        return f"curl {url}"
    return build_curl(
        url,
        method=method.upper(),
        headers=find_example(name, "headers"),
        body=find_example(name, "request"),
    )


def _parameter(facts: Parts) -> Row:
    schema = facts.get("schema") or facts["content"][JSON]["schema"]
    return Row(
        facts["name"],
        describe(schema),
        facts.get("description", ""),
        is_required=facts.get("required", False),
        is_deprecated=facts.get("deprecated", False),
        place=facts["in"],
    )


def _reply(status: str, described: Parts, *, anchor: str = "") -> Reply:
    content = described.get("content")
    return Reply(
        status,
        described["description"],
        _body(content[JSON]) if content else None,
        tuple(
            Row(
                name,
                describe(facts["schema"]),
                facts.get("description", ""),
                is_required=facts["required"],
            )
            for name, facts in described.get("headers", {}).items()
        ),
        anchor,
    )


def _refusals(responses: Parts) -> Iterator[Reply]:
    for status, each in responses.items():
        if "$ref" in each:
            name = each["$ref"].rpartition("/")[2]
            described = make_document()["components"]["responses"][name]
            yield Reply(status, described["description"], anchor=name)


def _body(content: Parts) -> Body:
    schema = content["schema"]
    example = content.get("example")
    shown = json.dumps(example, indent=2, ensure_ascii=False) if example else ""
    return Body(describe(schema), tuple(_rows(_resolve(schema))), shown)


def _resolve(schema: Parts) -> Parts:
    """Return the schema that another one refers to by name."""
    components = make_document()["components"]["schemas"]
    name = schema.get("$ref", "").rpartition("/")[2]
    resolved: Parts = components[name] if name else schema
    return resolved


def _rows(schema: Parts, prefix: str = "", depth: int = 0) -> Iterator[Row]:
    """Return the fields of an object, those of inner ones by `outer.inner`."""
    properties = schema.get("properties", {})
    for name, inner in properties.items():
        if _is_second_spelling(name, properties):
            continue
        path = f"{prefix}{name}"
        yield Row(
            path,
            describe(inner),
            inner.get("description", ""),
            is_required=name in schema.get("required", ()),
            is_deprecated=inner.get("deprecated", False),
        )
        if depth < INLINE_MOST:
            yield from _rows(inner, f"{path}.", depth + 1)
            yield from _rows(inner.get("items", {}), f"{path}[].", depth + 1)


def _is_second_spelling(name: str, properties: Parts) -> bool:
    """Tell whether a field in camelCase is there in snake_case too."""
    snake = re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)
    return snake != name and snake in properties


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(part.replace("\n", " ") for part in text.split("\n\n") if part)
