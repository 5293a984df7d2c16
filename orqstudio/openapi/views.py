"""`/v2/openapi.json` and `/docs`: for everybody, cached until the next version."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe
from rest_framework.request import Request

from orqstudio.openapi.document import write_document
from orqstudio.openapi.page import make_page
from orqstudio.web.api import ApiView

KEPT_S = 300


def _etag(request: HttpRequest) -> str:
    return write_document().etag


@method_decorator(
    [cache_control(public=True, max_age=KEPT_S), condition(etag_func=_etag)],
    name="dispatch",
)
class OpenApiDocument(ApiView):
    """`/v2/openapi.json`; needs no key."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> HttpResponse:
        """Answer the document, or 304 to whoever has it."""
        return HttpResponse(write_document().raw, content_type="application/json")


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show the document; needs neither script nor anything of another host."""
    base_url = request.build_absolute_uri("/").rstrip("/")
    return render(request, "docs/page.html", {"page": make_page(base_url)})
