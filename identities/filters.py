"""The query string of the identity list: what narrows it, sorts it, adds to it."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from orqstudio.web.api import InvalidInput
from orqstudio.web.json_body import is_storable
from orqstudio.web.pagination import Order
from orqstudio.web.query import read_choice

if TYPE_CHECKING:
    from django.http import QueryDict

NEWEST = Order("id")
_ORDERS = {
    "display_name": Order("display_name", is_descending=False),
    "updated": Order("updated_at"),
    "unspecified": NEWEST,
}
SORT_NAMES = {f"IDENTITY_SORT_FIELD_{name.upper()}": name for name in _ORDERS}
TAGS_TEXT_MAX = 10_000


def read_order(query: QueryDict) -> Order:
    """Return the order `sort_by` names; newest first without it.

    Raises:
        InvalidInput: an unknown name.
    """
    name = read_choice(query, "sort_by", SORT_NAMES)
    return _ORDERS[name] if name else NEWEST


def read_tags(query: QueryDict) -> list[str]:
    """Return the tags that identities must all carry, from all four spellings.

    `filter_by.tags=a&filter_by.tags=b` (current), `filter_by={"tags":["a","b"]}`,
    `tags=a,b` and `tags=['a', 'b']` (clients up to 4.9).

    Raises:
        InvalidInput: a spelling that cannot be read.
    """
    found = list(query.getlist("filter_by.tags"))
    for text in query.getlist("filter_by"):
        found += _tags_of_object(_parse(text, "filter_by"))
    for text in query.getlist("tags"):
        found += _tags_of_text(text)
    return [tag for tag in dict.fromkeys(found) if tag]


def _tags_of_object(value: Any) -> list[str]:
    if not isinstance(value, Mapping) or set(value) - {"tags"}:
        raise InvalidInput(_("filter_by must be an object with tags alone."))
    return _require_texts(value.get("tags", []), "filter_by")


def _tags_of_text(text: str) -> list[str]:
    if text.strip().startswith("["):
        return _require_texts(_parse(text, "tags"), "tags")
    return [part.strip() for part in text.split(",")]


def _parse(text: str, name: str) -> Any:
    """Return the JSON value, or the Python literal an old client wrote instead."""
    if len(text) <= TAGS_TEXT_MAX:
        for read in (json.loads, ast.literal_eval):
            try:
                return read(text)
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                continue
    raise InvalidInput(_("%(name)s cannot be read.") % {"name": name})


def _require_texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise InvalidInput(_("%(name)s must be a list of texts.") % {"name": name})
    if not all(is_storable(tag) for tag in value):
        raise InvalidInput(_("%(name)s has a text no tag can be.") % {"name": name})
    return value
