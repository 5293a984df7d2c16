"""Texts of the API documentation."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def with_code(text: str) -> SafeString:
    """Show what stands in backticks as code."""
    return format_html_join(
        "",
        "{}",
        (
            [format_html("<code>{}</code>", part) if position % 2 else part]
            for position, part in enumerate(text.split("`"))
        ),
    )
