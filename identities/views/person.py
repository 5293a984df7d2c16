"""What a person sets for themselves: theme and workspace; signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import LoginView
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from identities.access import SESSION_KEY, StudioRequest, studio_view
from orqstudio.context_processors import THEME_COOKIE, THEMES
from orqstudio.web.htmx import address_within, go_to, wants_fragment
from orqstudio.web.params import read_choice

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

YEAR_S = 365 * 24 * 3600


@require_POST
@studio_view()
def choose_theme(request: StudioRequest) -> HttpResponse:
    """Keep auto, light or dark in a cookie and go back."""
    theme = read_choice(request.POST, "theme", THEMES, "auto")
    response = _back(request)
    response.set_cookie(
        THEME_COOKIE,
        theme,
        max_age=YEAR_S,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response


@require_POST
@studio_view()
def choose_workspace(request: StudioRequest) -> HttpResponse:
    """Keep the workspace in the session; one the person is not in is ignored later."""
    request.session[SESSION_KEY] = str(request.POST.get("workspace", ""))[:26]
    return HttpResponseRedirect(reverse("identity_list"))


def _back(request: StudioRequest) -> HttpResponseRedirect:
    home = reverse("identity_list")
    return HttpResponseRedirect(
        address_within(request, request.POST.get("next", ""), home)
    )


class SignIn(LoginView):
    """Django's own; a fragment's request for it turns into a whole page."""

    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form, or send htmx there."""
        if wants_fragment(request):
            return go_to(request, reverse("login"))
        return super().get(request, *args, **kwargs)
