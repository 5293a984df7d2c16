"""One identity: its page, and creating, changing and deleting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identities.access import EDIT, StudioRequest, studio_view
from identities.errors import ExternalIdTaken, IdentityNotFound, NotAuthorized
from identities.forms import IdentityForm, ProfileForm, profile_of
from identities.selectors import get_identity, identity_of_id
from identities.services import create_identity, update_identity
from identities.views.listing import first_call
from metering.analytics.budgets import cards_by_target
from metering.analytics.series import (
    recent_calls,
    series_of,
    total_usage,
    usage_by_model,
)
from metering.analytics.spans import Span
from metering.errors import BudgetExists
from metering.forms import LimitForm
from metering.services import create_budget, delete_identity_and_budget
from orqstudio.web import params
from orqstudio.web.htmx import finish, render_fragment

if TYPE_CHECKING:
    from django.http import HttpResponse

    from identities.models import Identity, Workspace


def find_identity(workspace: Workspace, public_id: str) -> Identity:
    """Return the identity of a Studio address; addresses hold ULIDs alone.

    Raises:
        Http404: the workspace has none of this id.
    """
    identity = identity_of_id(workspace, public_id)
    if identity is None:
        raise Http404
    return identity


@require_safe
@studio_view()
def identity_detail(request: StudioRequest, public_id: str) -> HttpResponse:
    """Show what one identity used, its budget and its calls."""
    workspace = request.access.workspace
    now = request.now
    identity = find_identity(workspace, public_id)
    chosen = params.read_range(request.GET)
    span = Span.until(now, chosen.span)
    name = identity.external_id
    buckets = series_of(workspace, [name], span, is_hourly=chosen.is_hourly)[name]
    before = params.read_text(request.GET, "before")
    context = {
        "identity": identity,
        "range": chosen,
        "ranges": params.RANGES.values(),
        "usage": total_usage(workspace, name, span),
        "previous": total_usage(workspace, name, span.previous),
        "buckets": buckets,
        "models": usage_by_model(workspace, name, span),
        "calls": recent_calls(workspace, name, before=before),
        "before": before,
        "card": cards_by_target(workspace, [name], now=now).get(name),
        "curl": first_call(request, name),
    }
    return render_fragment(
        request, "identities/detail.html", "identities/_detail.html", context
    )


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(EDIT)
def identity_new(request: StudioRequest) -> HttpResponse:
    """Show the panel *Create an Identity*; create it, with its budget if asked."""
    access = request.access
    has_budget = access.can_manage and request.POST.get("with_budget") == "on"
    if request.method != "POST":
        first = {"external_id": params.read_text(request.GET, "external_id")}
        return _new_panel(request, IdentityForm(initial=first), LimitForm())
    form = IdentityForm(request.POST)
    limits = LimitForm(request.POST) if has_budget else LimitForm()
    if all([form.is_valid(), not has_budget or limits.is_valid()]):
        try:
            identity = _create(request, form, limits if has_budget else None)
        except ExternalIdTaken as error:
            form.add_error("external_id", str(error))
        except BudgetExists as error:
            form.add_error(None, str(error))
        else:
            return _created(request, identity)
    return _new_panel(request, form, limits, with_budget=has_budget, status=422)


def _create(
    request: StudioRequest, form: IdentityForm, limits: LimitForm | None
) -> Identity:
    """Create the identity and its budget, both or neither.

    The one place where a view opens a transaction: two services, one act of a person.
    """
    workspace = request.access.workspace
    with transaction.atomic():
        identity = create_identity(
            workspace=workspace, source="studio", **form.cleaned_data
        )
        if limits is not None:
            create_budget(
                workspace=workspace,
                scope_kind="identity",
                scope_target=identity.external_id,
                token_limit=None,
                now=request.now,
                **limits.cleaned_data,
            )
    return identity


def _created(request: StudioRequest, identity: Identity) -> HttpResponse:
    address = reverse("identity_detail", args=[identity.public_id])
    return finish(
        request,
        text=_("%(name)s was created.") % {"name": identity},
        goto=address,
        link=(_("View"), address),
        stays=True,
    )


def _new_panel(
    request: StudioRequest,
    form: IdentityForm,
    limits: LimitForm,
    *,
    with_budget: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "limits": limits,
        "with_budget": with_budget,
        "sentence": limits.restate(request.now),
        "taken": _taken(request, form),
    }
    return render_fragment(
        request,
        "studio/panel_page.html",
        "identities/_new.html",
        context,
        status=status,
    )


def _taken(request: StudioRequest, form: IdentityForm) -> Identity | None:
    """Return the record that stands in the way of a new one, to link to it."""
    external_id = getattr(form, "cleaned_data", {}).get("external_id", "")
    typed = form.data.get("external_id", "").strip() if form.is_bound else ""
    if not typed or external_id or "external_id" not in form.errors:
        return None
    try:
        workspace = request.access.workspace
        return get_identity(workspace, typed)
    except IdentityNotFound:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(EDIT)
def identity_edit(request: StudioRequest, public_id: str) -> HttpResponse:
    """Change an identity's profile; its external_id stays."""
    workspace = request.access.workspace
    identity = find_identity(workspace, public_id)
    form = ProfileForm(request.POST or None, initial=profile_of(identity))
    status = 200
    if request.method == "POST":
        form = ProfileForm(request.POST, initial=profile_of(identity))
        if form.is_valid():
            return _update(request, identity, form)
        status = 422
    context = {"form": form, "identity": identity}
    return render_fragment(
        request,
        "studio/panel_page.html",
        "identities/_edit.html",
        context,
        status=status,
    )


def _update(
    request: StudioRequest, identity: Identity, form: ProfileForm
) -> HttpResponse:
    """Save only what differs, so that a change made meanwhile elsewhere survives."""
    changes: dict[str, Any] = {
        name: value
        for name, value in form.cleaned_data.items()
        if value != getattr(identity, name)
    }
    try:
        if changes:
            update_identity(identity=identity, changes=changes)
    except IdentityNotFound:
        raise Http404 from None
    return finish(
        request,
        text=_("Changes to %(name)s were saved.") % {"name": identity},
        goto=reverse("identity_detail", args=[identity.public_id]),
        stays=True,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(EDIT)
def identity_delete(request: StudioRequest, public_id: str) -> HttpResponse:
    """Delete an identity once its external_id has been typed.

    Raises:
        PermissionDenied: it has a budget, and the role may not lift a limit.
    """
    workspace = request.access.workspace
    identity = find_identity(workspace, public_id)
    name = identity.external_id
    card = cards_by_target(workspace, [name], now=request.now).get(name)
    if card and not request.access.can_manage:
        raise PermissionDenied
    typed = request.POST.get("confirm", "").strip()
    if request.method == "POST" and typed == name:
        return _delete(request, identity)
    context = {
        "identity": identity,
        "typed": typed,
        "is_wrong": request.method == "POST",
        "card": card,
    }
    return render_fragment(
        request,
        "studio/panel_page.html",
        "identities/_delete.html",
        context,
        status=422 if request.method == "POST" else 200,
    )


def _delete(request: StudioRequest, identity: Identity) -> HttpResponse:
    try:
        delete_identity_and_budget(
            identity=identity, may_delete_budget=request.access.can_manage
        )
    except IdentityNotFound:
        raise Http404 from None
    except NotAuthorized:
        raise PermissionDenied from None
    return finish(
        request,
        text=_("%(name)s was deleted.") % {"name": identity},
        goto=reverse("identity_list"),
    )
