"""Small reads of mappings and lists that the template language lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template

register = template.Library()


@register.filter
def at(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Return the value under a key, or None."""
    return mapping.get(key)


@register.filter
def plus(items: Sequence[str], item: str) -> list[str]:
    """Return the list with one more."""
    return [*items, item]


@register.filter
def without(items: Sequence[str], item: str) -> list[str]:
    """Return the list without one."""
    return [each for each in items if each != item]
