"""`/v2/openapi.json` and `/docs`: for everybody, cached until the next version."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition
from rest_framework.request import Request

from orqstudio.openapi.document import write_document
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
