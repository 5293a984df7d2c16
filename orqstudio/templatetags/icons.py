"""The Studio's icons as inline SVG: no request, no sprite, coloured by the text."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_PATHS = {
    "logo": "M6 17v-5M12 17V6M18 17v-3",
    "identities": (
        "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20c.4-3.6 3-5.5 6.5-5.5"
        "s6.1 1.9 6.5 5.5M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.9c2 .7 3.3 2.4 3.5 5.1"
    ),
    "budgets": (
        "M3.5 17a9 9 0 1 1 17 0M12 15l4-5"
        "M12 16.5a1.2 1.2 0 1 0 0-2.4 1.2 1.2 0 0 0 0 2.4Z"
    ),
    "keys": (
        "M8.5 20a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM12 12l8-8"
        "M17 7l2.5 2.5M14.5 9.5l2 2"
    ),
    "search": "M10.5 17.500a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20.5 20.500l-5-5",
    "plus": "M12 5v14M5 12h14",
    "close": "M6 6l12 12M18 6 6 18",
    "copy": "M9 9h11v11H9zM15 9V4H4v11h5",
    "back": "M14 6l-6 6 6 6",
    "next": "M10 6l6 6-6 6",
    "up": "M12 19V6M6 11l6-6 6 6",
    "down": "M12 5v13M6 13l6 6 6-6",
    "edit": "M4 20l1-4L16.5 4.500l3 3L8 19zM14 7l3 3",
    "trash": "M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13",
    "reset": "M4 5v5h5M4.5 10A8 8 0 1 1 4 13.5",
    "alert": "M12 4 2.5 20h19zM12 10v4.500M12 17v.5",
    "info": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5.500M12 7.500V8",
    "more": "M5 12h.01M12 12h.01M19 12h.01",
    "check": "M5 12.500l4.5 4.500L19 7.5",
    "out": "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
    "code": "M8 7l-5 5 5 5M16 7l5 5-5 5",
}


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """Draw an icon; it says nothing to a screen reader, the text beside it does."""
    wide = 2.6 if name in {"logo", "more"} else 1.7
    return format_html(
        '<svg width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" '
        'stroke="currentColor" stroke-width="{1}" stroke-linecap="round" '
        'stroke-linejoin="round" aria-hidden="true"><path d="{2}"/></svg>',
        size,
        wide,
        mark_safe(_PATHS[name]),  # noqa: S308  our own constant
    )
