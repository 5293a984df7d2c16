"""One URL, two faces: the whole page, or the fragment that htmx asked for.

Whatever htmx does, the plain link or form does too. A fragment is a template of its
own, included by its page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme


def wants_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part; going back in history needs the page."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def keep_apart(response: HttpResponse) -> HttpResponse:
    """Keep caches from showing a fragment where the page belongs."""
    patch_vary_headers(response, ["HX-Request", "Cookie"])
    response["Cache-Control"] = "private, no-store"
    return response


def render_fragment(
    request: HttpRequest,
    page: str,
    fragment: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """Render the fragment for htmx and the page for everyone else.

    The context's `fragment` names the fragment, so that a page can include it.
    """
    template = fragment if wants_fragment(request) else page
    values = {**context, "fragment": fragment}
    return keep_apart(render(request, template, values, status=status))


def finish(
    request: HttpRequest,
    *,
    text: str,
    goto: str,
    link: tuple[str, str] | None = None,
    stays: bool = False,
) -> HttpResponse:
    """Answer a write that went well, with a sentence for the person.

    With script and `stays`, the panel closes and the page behind it is refreshed;
    else the browser goes to `goto`. `link` is label and address of what to see next.
    """
    if wants_fragment(request) and stays:
        response = HttpResponse(status=204)
        toast = (
            {"text": text, "label": link[0], "href": link[1]}
            if link
            else {"text": text}
        )
        events = {"studio:toast": toast, "studio:close": True, "studio:refresh": True}
        response["HX-Trigger"] = json.dumps(events)
        return keep_apart(response)
    messages.success(request, text)
    return go_to(request, goto)


def go_to(request: HttpRequest, address: str) -> HttpResponse:
    """Leave for another page of ours; with script it is a whole page as well."""
    if wants_fragment(request):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return keep_apart(response)
    return keep_apart(HttpResponseRedirect(address))


def address_within(request: HttpRequest, address: str, default: str) -> str:
    """Return the address if it is one of this host, else the default."""
    allowed = url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    )
    return address if allowed else default
