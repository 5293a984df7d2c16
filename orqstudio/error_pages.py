"""Errors that no view answers: the envelope for the API, pages for people."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
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
    page = defaults.server_error(request)
    page.status_code = 503 if is_away else 500
    return page


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIXES)
