"""Address of the document, below /v2/."""

from __future__ import annotations

from django.urls import path

from orqstudio.openapi.views import OpenApiDocument

urlpatterns = [path("openapi.json", OpenApiDocument.as_view(), name="openapi")]
