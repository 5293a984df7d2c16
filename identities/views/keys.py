"""API keys: listed by prefix; a new one shows its secret once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identities.access import MANAGE, StudioRequest, studio_view
from identities.errors import IdentitiesError
from identities.key_forms import KeyForm
from identities.selectors import get_api_key, list_api_keys
from identities.services import IssuedKey, issue_api_key, revoke_api_key
from orqstudio.web.htmx import finish, render_fragment

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpResponse

    from identities.models import Workspace


@require_safe
@studio_view()
def key_list(request: StudioRequest) -> HttpResponse:
    """Show the workspace's keys, the newest first."""
    workspace = request.access.workspace
    context = {"keys": list_api_keys(workspace)}
    return render_fragment(
        request, "identities/keys.html", "identities/_keys.html", context
    )


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(MANAGE)
def key_new(request: StudioRequest) -> HttpResponse:
    """Make a key and show its secret, this once."""
    workspace = request.access.workspace
    form = KeyForm(request.POST) if request.method == "POST" else KeyForm()
    issued = _issue(workspace, form, request.now) if form.is_valid() else None
    if issued is not None:
        return render_fragment(
            request,
            "studio/panel_page.html",
            "identities/_key_issued.html",
            {"issued": issued},
        )
    return render_fragment(
        request,
        "studio/panel_page.html",
        "identities/_key_new.html",
        {"form": form},
        status=422 if form.is_bound else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(MANAGE)
def key_revoke(request: StudioRequest, public_id: str) -> HttpResponse:
    """Ask once, then make the key useless."""
    workspace = request.access.workspace
    api_key = get_api_key(workspace, public_id)
    if api_key is None:
        raise Http404
    if request.method != "POST":
        return render_fragment(
            request,
            "studio/panel_page.html",
            "identities/_key_revoke.html",
            {"key": api_key},
        )
    revoke_api_key(api_key=api_key, now=request.now)
    return finish(
        request,
        text=_("%(name)s was revoked.") % {"name": api_key.name},
        goto=reverse("key_list"),
        stays=True,
    )


def _issue(workspace: Workspace, form: KeyForm, now: datetime) -> IssuedKey | None:
    """Make the key; None with the reason in the form when its facts contradict."""
    try:
        return issue_api_key(workspace=workspace, **form.facts(now))
    except IdentitiesError as error:
        form.add_error(None, str(error))
        return None
