"""What every Django request gets: its instant and id, and strict answer headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from orqstudio.lib import ids

GetResponse = Callable[[HttpRequest], HttpResponse]

API_PREFIXES = ("/v2/", "/v3/")
API_CSP = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS_POLICY = (
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
)


class RequestFacts:
    """Sets `request.now` (aware UTC, taken once) and `request.id` (a ULID)."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the id in `X-Request-Id`."""
        request.now = timezone.now()  # type: ignore[attr-defined]
        request.id = ids.show(ids.new_id())  # type: ignore[attr-defined]
        response = self._get_response(request)
        response["X-Request-Id"] = request.id  # type: ignore[attr-defined]
        return response


class SecurityHeaders:
    """Content-Security-Policy of `settings.SECURE_CSP`, the same for the admin.

    Answers of the API are never rendered, so they may load nothing at all.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        self._page_csp = write_csp(settings.SECURE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the headers, unless a view set its own."""
        response = self._get_response(request)
        csp = API_CSP if request.path.startswith(API_PREFIXES) else self._page_csp
        response.setdefault("Content-Security-Policy", csp)
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("X-Content-Type-Options", "nosniff")
        return response


def write_csp(policy: Mapping[str, Sequence[str]]) -> str:
    """Return the header of a policy: directive -> sources, in the given order."""
    return "; ".join(" ".join([name, *sources]) for name, sources in policy.items())
