"""Errors that no view answers: the envelope for the API, pages for people."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults

from orqstudio.middleware import API_PREFIXES
from orqstudio.web.api import render_error


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400: a host that is not allowed, a body that cannot be read."""
    if _is_api(request):
        return render_error(request, 400, "The request cannot be read.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    if _is_api(request):
        return render_error(request, 403, "not authorized for this endpoint")
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    if _is_api(request):
        return render_error(request, 404, "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 when the database is away.

    The request id in the headers finds the reason in the log.
    """
    is_away = isinstance(sys.exception(), OperationalError | InterfaceError)
    if _is_api(request):
        if is_away:
            return render_error(request, 503, "The database is not available.")
        return render_error(request, 500, "Something went wrong on our side.")
    # Without the request's context processors: they may be what failed.
    page = render_to_string("500.html", {"request": request})
    return HttpResponse(page, status=503 if is_away else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without its token; the log has the reason."""
    if _is_api(request):
        return render_error(request, 403, "not authorized for this endpoint")
    return render(request, "403_csrf.html", status=403)


def _is_api(request: HttpRequest) -> bool:
    """Tell programs from people, where a base URL ended in a slash too."""
    return f"/{request.path.strip('/')}/".startswith(API_PREFIXES)
