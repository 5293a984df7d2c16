"""Reads the query string of Studio pages; a value we do not know falls back.

A Studio URL is typed, bookmarked and shortened by people: none of it is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.functional import _StrPromise

PAGE_SIZES = (25, 50, 100)
PAGE_MAX = 1_000_000
TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Range:
    """A period shown on a page; `key` is its name in the URL."""

    key: str
    span: timedelta
    label: _StrPromise
    is_hourly: bool = False


RANGES = {
    each.key: each
    for each in (
        Range("24h", timedelta(hours=24), _("last 24 hours"), is_hourly=True),
        Range("7d", timedelta(days=7), _("last 7 days")),
        Range("30d", timedelta(days=30), _("last 30 days")),
        Range("90d", timedelta(days=90), _("last 90 days")),
    )
}
RANGE_DEFAULT = "30d"


def read_text(query: Mapping[str, str], name: str) -> str:
    """Return the trimmed text, cut to 200 characters; NUL cannot be asked for."""
    return str(query.get(name, "")).replace("\x00", "").strip()[:TEXT_MAX]


def read_choice(
    query: Mapping[str, str], name: str, choices: Collection[str], default: str
) -> str:
    """Return the value if it is one of `choices`, else the default."""
    value = str(query.get(name, ""))
    return value if value in choices else default


def read_range(query: Mapping[str, str]) -> Range:
    """Return the range named by `?range=`, else the last 30 days."""
    return RANGES[read_choice(query, "range", RANGES, RANGE_DEFAULT)]


def read_number(query: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    """Return a whole number in [1, most], else the default."""
    text = str(query.get(name, ""))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return default
    return min(most, int(text)) or default


def read_page_size(query: Mapping[str, str]) -> int:
    """Return 25, 50 or 100 rows; 25 unless asked."""
    size = read_number(query, "size", default=PAGE_SIZES[0], most=PAGE_SIZES[-1])
    return size if size in PAGE_SIZES else PAGE_SIZES[0]


def read_list(query: QueryDict, name: str, *, most: int = 10) -> tuple[str, ...]:
    """Return the distinct non-empty values of a repeated parameter, in order."""
    cleaned = (
        value.replace("\x00", "").strip()[:TEXT_MAX] for value in query.getlist(name)
    )
    return tuple(dict.fromkeys(value for value in cleaned if value))[:most]
