"""`/healthz`: the process is alive. `/readyz`: it can do its work."""

from __future__ import annotations

from functools import cache

from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe


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
