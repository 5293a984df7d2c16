"""What every Studio template may use: theme, version, access, the page it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orqstudio import __version__

if TYPE_CHECKING:
    from django.http import HttpRequest

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "studio_theme"


def studio(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's values without a query; `access` is None elsewhere."""
    theme = request.COOKIES.get(THEME_COOKIE, "auto")
    return {
        "theme": theme if theme in THEMES else "auto",
        "themes": THEMES,
        "version": __version__,
        "access": getattr(request, "access", None),
        "now": getattr(request, "now", None),
        "section": request.path.removeprefix("/studio/").split("/", 1)[0],
    }
