"""Identity Analytics: the list with its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from identities.access import StudioRequest, studio_view
from metering.analytics.budgets import budgets_in_need, cards_by_target
from metering.analytics.series import series_of
from metering.analytics.spans import Span
from metering.analytics.table import (
    SORT_CHOICES,
    SORT_DEFAULT,
    STATES,
    TableQuery,
    identity_table,
    stray_usage,
    tags_in_use,
)
from orqstudio.lib.curl import build_curl
from orqstudio.web import params
from orqstudio.web.htmx import render_fragment, wants_fragment

if TYPE_CHECKING:
    from django.http import HttpResponse


@require_safe
@studio_view()
def identity_list(request: StudioRequest) -> HttpResponse:
    """Show a page of identities; htmx gets the results alone."""
    query = read_query(request.GET)
    chosen = params.read_range(request.GET)
    workspace = request.access.workspace
    now = request.now
    span = Span.until(now, chosen.span)
    need = budgets_in_need(workspace, now=now)
    table = identity_table(workspace, span, query, near=need.near, blocked=need.blocked)
    shown = [row.external_id for row in table.rows]
    explicit = explicit_params(query, chosen)
    context = {
        "query": query,
        "range": chosen,
        "ranges": params.RANGES.values(),
        "sizes": params.PAGE_SIZES,
        "states": state_choices(),
        "params": explicit,
        "table": table,
        "need": need,
        "stray": stray_usage(workspace, span),
        "tags": tags_in_use(workspace),
        "series": series_of(workspace, shown, span, is_hourly=chosen.is_hourly),
        "cards": cards_by_target(workspace, shown, now=now),
        "curl": _curl(request, query),
        "first_call": first_call(request, "user_12345"),
    }
    response = render_fragment(
        request, "identities/list.html", "identities/_results.html", context
    )
    return _with_address(request, response, explicit)


def read_query(query: QueryDict) -> TableQuery:
    """Read the list's filters; what is not known falls back."""
    return TableQuery(
        text=params.read_text(query, "q"),
        tags=params.read_list(query, "tag"),
        state=params.read_choice(query, "state", STATES, ""),
        with_errors=query.get("errors") == "1",
        sort=params.read_choice(query, "sort", SORT_CHOICES, SORT_DEFAULT),
        page=params.read_number(query, "page", default=1, most=params.PAGE_MAX),
        size=params.read_page_size(query),
    )


def explicit_params(query: TableQuery, chosen: params.Range) -> QueryDict:
    """Return what was chosen and differs from the defaults: the canonical URL."""
    wanted = {
        "q": (query.text, ""),
        "range": (chosen.key, params.RANGE_DEFAULT),
        "state": (query.state, ""),
        "errors": ("1" if query.with_errors else "", ""),
        "sort": (query.sort, SORT_DEFAULT),
        "size": (str(query.size), str(params.PAGE_SIZES[0])),
        "page": (str(query.page), "1"),
    }
    explicit = QueryDict(mutable=True)
    for name, (value, default) in wanted.items():
        if value != default:
            explicit[name] = value
    if query.tags:
        explicit.setlist("tag", list(query.tags))
    return explicit


def _with_address(
    request: StudioRequest, response: HttpResponse, explicit: QueryDict
) -> HttpResponse:
    """Tell htmx the address: typing replaces it, every other choice is a step back."""
    if not wants_fragment(request) or request.headers.get("HX-Trigger") == "results":
        return response
    path = reverse("identity_list")
    address = f"{path}?{explicit.urlencode()}" if explicit else path
    typed = request.headers.get("HX-Trigger-Name") == "q"
    response["HX-Replace-Url" if typed else "HX-Push-Url"] = address
    return response


def _curl(request: StudioRequest, query: TableQuery) -> str:
    """Return the API call that lists what is on the screen."""
    wanted = QueryDict(mutable=True)
    wanted["include_metrics"] = "true"
    wanted["include_budget"] = "true"
    wanted["limit"] = str(query.size)
    if query.text:
        wanted["search"] = query.text
    if query.tags:
        wanted.setlist("filter_by.tags", list(query.tags))
    return build_curl(
        request.build_absolute_uri(f"/v2/identities?{wanted.urlencode()}")
    )


def first_call(request: StudioRequest, external_id: str) -> str:
    """Return a metered call that works at once: the demo deployment."""
    return build_curl(
        request.build_absolute_uri("/v2/deployments/invoke"),
        method="POST",
        headers={"X-ORQ-IDENTITY-ID": external_id},
        body={"key": "demo"},
    )


def state_choices() -> list[tuple[str, Any]]:
    """Return the budget states a list can be narrowed to, with their words."""
    words = {
        "ok": _("Within budget"),
        "near": _("Near limit"),
        "blocked": _("Blocked"),
        "none": _("No budget"),
    }
    return [("", _("Any budget")), *((key, words[key]) for key in STATES)]
