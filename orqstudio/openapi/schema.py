"""Words for JSON Schema 2020-12, as short as what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Schema = dict[str, Any]
_EDGE = r"[^\s\x00-\x1f\x7f-\x9f]"
_INSIDE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]"


def text(description: str = "", **facts: Any) -> Schema:
    """A string; `facts` are further keywords such as `maxLength`."""
    return _described({"type": "string", **facts}, description)


def whole(least: int, most: int | None = None, description: str = "") -> Schema:
    """An integer of at least `least`, at most `most`."""
    bounds = {"minimum": least} | ({} if most is None else {"maximum": most})
    return _described({"type": "integer", **bounds}, description)


def number(description: str = "", **facts: Any) -> Schema:
    """A number of at least zero, unless `facts` say otherwise."""
    return _described({"type": "number", "minimum": 0, **facts}, description)


def flag(description: str = "") -> Schema:
    """True or false."""
    return _described({"type": "boolean"}, description)


def moment(description: str = "") -> Schema:
    """An instant in RFC 3339."""
    return text(description, format="date-time")


def external_id(most: int, description: str = "") -> Schema:
    """A key of the caller's own, as a header can carry it."""
    return text(
        description,
        minLength=1,
        maxLength=most,
        pattern=f"^{_EDGE}({_INSIDE}*{_EDGE})?$",
    )


def own_id(description: str = "") -> Schema:
    """A ULID as our answers show it."""
    return text(description, pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$")


def one_of(names: Sequence[Any], description: str = "", **facts: Any) -> Schema:
    """One of the API's own words; all of one type."""
    kind = "string" if all(isinstance(name, str) for name in names) else "integer"
    return _described({"type": kind, "enum": list(names), **facts}, description)


def list_of(items: Schema, description: str = "", **facts: Any) -> Schema:
    """A list."""
    return _described({"type": "array", "items": items, **facts}, description)


def record(
    required: Mapping[str, Schema] | None = None,
    optional: Mapping[str, Schema] | None = None,
    description: str = "",
    **facts: Any,
) -> Schema:
    """An object; what comes in the first mapping is always there."""
    required, optional = required or {}, optional or {}
    made: Schema = {"type": "object", "properties": {**required, **optional}}
    if required:
        made["required"] = list(required)
    return _described({**made, **facts}, description)


def map_of(values: Schema, description: str = "", **facts: Any) -> Schema:
    """An object with keys of the caller's own."""
    made = {"type": "object", "additionalProperties": values, **facts}
    return _described(made, description)


def ref(name: str) -> Schema:
    """The schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    kind = schema["type"]
    made = {**schema, "type": [*([kind] if isinstance(kind, str) else kind), "null"]}
    if "enum" in schema:
        made["enum"] = [*schema["enum"], None]
    return made


def _described(schema: Schema, description: str) -> Schema:
    return schema | ({"description": description} if description else {})
