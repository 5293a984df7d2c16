"""`/healthz`: the process is alive. `/readyz`: it can do its work."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe


class Probes:
    """Answers both addresses before the host is checked: probes name an address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the next one."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, or pass the request on."""
        view = _VIEWS.get(request.path)
        return view(request) if view else self._get_response(request)


@csrf_exempt  # so that another method is a 405 and no page about forms
@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 whatever the database does; a failure means: restart me."""
    return JsonResponse({"status": "ok"})


@csrf_exempt  # so that another method is a 405 and no page about forms
@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200, or 503 with a sentence; a failure means: send no traffic."""
    if trouble := find_trouble():
        return JsonResponse({"status": "unavailable", "message": trouble}, status=503)
    return JsonResponse({"status": "ok"})


_VIEWS = {"/healthz": healthz, "/readyz": readyz}


def find_trouble() -> str | None:
    """Return why the database cannot be used, in one sentence; one query."""
    try:
        applied = MigrationRecorder(connection).applied_migrations()
    except Error:
        return "The database cannot be reached."
    if missing := _migrations_on_disk() - set(applied):
        return f"The database lacks {len(missing)} migrations."
    return None


@cache
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)
