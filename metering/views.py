"""The Studio's pages of budgets: the list, and setting, resetting, removing one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identities.access import MANAGE, VIEW, StudioRequest, studio_view
from identities.models import Identity
from identities.selectors import identities_named, identity_of_id, list_api_keys
from metering.analytics.budgets import BudgetCard, budget_table, cards_of
from metering.errors import BudgetNotFound, MeteringError
from metering.forms import BudgetForm, LimitForm, limits_of
from metering.models import Budget
from metering.scope_form import NewBudgetForm
from metering.selectors import budget_of, get_budget
from metering.services import create_budget, delete_budget, reset_budget, update_budget
from orqstudio.web.htmx import finish, keep_apart, render_fragment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from identities.models import Workspace

    Act = Callable[[StudioRequest, Budget], str]

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose budget a panel is about; `identity` is None without a record."""

    kind: str
    target: str
    budget: Budget | None
    identity: Identity | None = None
    label: str = ""

    @property
    def page(self) -> str:
        """Where to look at it."""
        if self.identity is None:
            return reverse("budget_list")
        return reverse("identity_detail", args=[self.identity.public_id])


@require_safe
@studio_view()
def budget_list(request: StudioRequest) -> HttpResponse:
    """Show the workspace's budgets, the fullest first."""
    workspace = request.access.workspace
    cards = budget_table(workspace, now=request.now)
    page = Paginator(cards, PAGE_SIZE).get_page(request.GET.get("page"))
    targets = [card.budget.scope_target for card in page if _is_personal(card.budget)]
    budgets = [card.budget for card in page]
    context = {
        "page": page,
        "labels": labels_of(workspace, budgets),
        "identities": identities_named(workspace, targets),
        "blocked": sum(card.state == "blocked" for card in cards),
        "near": sum(card.state == "near" for card in cards),
        "has_workspace_budget": any(_is_whole(card) for card in cards),
    }
    return render_fragment(
        request, "metering/budgets.html", "metering/_budgets.html", context
    )


def labels_of(workspace: Workspace, budgets: Iterable[Budget]) -> dict[UUID, str]:
    """Return what people call the targets of budgets, by id of the budget.

    An API key has its name, an expression itself. At most one query.
    """
    rows = list(budgets)
    keys: dict[str, str] = {}
    if any(each.scope_kind == Budget.ScopeKind.API_KEY for each in rows):
        keys = {key.public_id: str(key) for key in list_api_keys(workspace)}
    return {each.pk: _label(each, keys) for each in rows}


def _label(budget: Budget, keys: Mapping[str, str]) -> str:
    if budget.scope_kind == Budget.ScopeKind.WORKSPACE:
        return _("Whole workspace")
    if budget.scope_kind == Budget.ScopeKind.MATCH:
        return budget.match_cel
    return keys.get(budget.scope_target, budget.scope_target)


def _is_personal(budget: Budget) -> bool:
    return budget.scope_kind == Budget.ScopeKind.IDENTITY


def _is_whole(card: BudgetCard) -> bool:
    return card.budget.scope_kind == Budget.ScopeKind.WORKSPACE


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(MANAGE)
def identity_budget(request: StudioRequest, public_id: str) -> HttpResponse:
    """Set or change the budget of an identity."""
    workspace = request.access.workspace
    identity = identity_of_id(workspace, public_id)
    if identity is None:
        raise Http404
    budget = budget_of(workspace, "identity", identity.external_id)
    label = str(identity)
    scope = Scope("identity", identity.external_id, budget, identity, label)
    return _edit(request, scope)


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(MANAGE)
def workspace_budget(request: StudioRequest) -> HttpResponse:
    """Set or change the budget of the whole workspace."""
    workspace = request.access.workspace
    budget = budget_of(workspace, "workspace", "")
    scope = Scope("workspace", "", budget, label=_("Whole workspace"))
    return _edit(request, scope)


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(MANAGE)
def budget_new(request: StudioRequest) -> HttpResponse:
    """Create a budget of any kind."""
    workspace = request.access.workspace
    form = NewBudgetForm(workspace=workspace)
    if request.method == "POST":
        form = NewBudgetForm(request.POST, workspace=workspace)
        if form.is_valid() and _created(request, form):
            return finish(
                request,
                text=_("The budget was created."),
                goto=reverse("budget_list"),
                stays=True,
            )
    context = {"form": form, "sentence": form.restate(request.now)}
    return render_fragment(
        request,
        "studio/panel_page.html",
        "metering/_budget_new.html",
        context,
        status=422 if form.is_bound else 200,
    )


def _created(request: StudioRequest, form: NewBudgetForm) -> bool:
    """Create the budget; a refusal of the core goes to the form."""
    workspace = request.access.workspace
    try:
        create_budget(workspace=workspace, now=request.now, **form.facts)
    except MeteringError as error:
        form.add_error(None, str(error))
    return form.is_valid()


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(MANAGE)
def budget_edit(request: StudioRequest, public_id: str) -> HttpResponse:
    """Change a budget."""
    return _edit(request, _scope_of(request, _find_budget(request, public_id)))


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(MANAGE)
def budget_reset(request: StudioRequest, public_id: str) -> HttpResponse:
    """Ask once, naming the amount; then count only what happens from now on."""
    return _confirm(request, public_id, "metering/_budget_reset.html", _reset)


@require_http_methods(["GET", "HEAD", "POST"])
@studio_view(MANAGE)
def budget_remove(request: StudioRequest, public_id: str) -> HttpResponse:
    """Ask once, then remove the limit."""
    return _confirm(request, public_id, "metering/_budget_remove.html", _remove)


@require_safe
@studio_view(VIEW)
def budget_preview(request: StudioRequest) -> HttpResponse:
    """Say what the budget in the form would do; the form's script face asks."""
    form_class = BudgetForm if "mode" in request.GET else LimitForm
    form = form_class(request.GET)
    sentence = form.restate(request.now)
    return keep_apart(HttpResponse(escape(sentence)))


def _find_budget(request: StudioRequest, public_id: str) -> Budget:
    try:
        return get_budget(request.access.workspace, public_id)
    except BudgetNotFound:
        raise Http404 from None


def _scope_of(request: StudioRequest, budget: Budget) -> Scope:
    targets = [budget.scope_target] if _is_personal(budget) else []
    named = identities_named(request.access.workspace, targets)
    identity = named.get(budget.scope_target)
    label = labels_of(request.access.workspace, [budget])[budget.pk]
    if identity:
        label = str(identity)
    return Scope(budget.scope_kind, budget.scope_target, budget, identity, label)


def _edit(request: StudioRequest, scope: Scope) -> HttpResponse:
    options: dict[str, Any] = {
        "initial": limits_of(scope.budget) if scope.budget else None,
        "has_expression": scope.kind == Budget.ScopeKind.MATCH,
    }
    if request.method == "POST":
        form = BudgetForm(request.POST, **options)
        if form.is_valid() and _saved(request, scope, form):
            return _done(request, scope, _("The budget was saved."))
    else:
        form = BudgetForm(**options)
    context = {
        "form": form,
        "scope": scope,
        "sentence": form.restate(request.now),
        "address": request.path,
    }
    return render_fragment(
        request,
        "studio/panel_page.html",
        "metering/_budget.html",
        context,
        status=422 if form.is_bound else 200,
    )


def _saved(request: StudioRequest, scope: Scope, form: BudgetForm) -> bool:
    """Create or change the budget; a refusal of the core goes to the form."""
    now = request.now
    try:
        if scope.budget:
            update_budget(budget=scope.budget, changes=form.cleaned_data, now=now)
        else:
            create_budget(
                workspace=request.access.workspace,
                scope_kind=scope.kind,
                scope_target=scope.target,
                now=now,
                **form.cleaned_data,
            )
    except BudgetNotFound:
        raise Http404 from None
    except MeteringError as error:
        form.add_error(None, str(error))
    return form.is_valid()


def _confirm(
    request: StudioRequest, public_id: str, fragment: str, act: Act
) -> HttpResponse:
    budget = _find_budget(request, public_id)
    scope = _scope_of(request, budget)
    if request.method == "POST":
        return _done(request, scope, act(request, budget))
    card = cards_of([budget], now=request.now)[0]
    context = {"scope": scope, "card": card, "address": request.path}
    return render_fragment(request, "studio/panel_page.html", fragment, context)


def _reset(request: StudioRequest, budget: Budget) -> str:
    try:
        reset_budget(budget=budget, now=request.now)
    except BudgetNotFound:
        raise Http404 from None
    return _("The budget was reset; its spend begins at zero.")


def _remove(_request: StudioRequest, budget: Budget) -> str:
    try:
        delete_budget(budget=budget)
    except BudgetNotFound:
        raise Http404 from None
    return _("The budget was removed.")


def _done(request: StudioRequest, scope: Scope, text: str) -> HttpResponse:
    return finish(request, text=text, goto=scope.page, stays=True)
