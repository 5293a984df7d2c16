"""What people type about budgets; labels, help and the restating sentence."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from identities.forms import StudioForm
from metering.budget_rules import RATE_MAX, require_room, require_sense
from metering.errors import MeteringError
from metering.matching import EXPRESSION_MAX
from metering.models import Budget
from metering.periods import BudgetPeriod, calendar_window
from orqstudio.lib.clock import utc_now
from orqstudio.lib.money import USD_MAX, USD_PLACES, plain

if TYPE_CHECKING:
    from datetime import datetime

AMOUNT_DEFAULT = Decimal("10.00")
TOKENS_MAX = 10**15
LIMIT_NAMES = ("amount_usd", "token_limit", "requests_per_minute")
_SPANS = {
    "daily": _("a day"),
    "weekly": _("a week"),
    "monthly": _("a month"),
    "yearly": _("a year"),
    "one_time": _("all"),
}


_SWITCH = {"class": "switch__input", "role": "switch"}
"""A real checkbox that is announced as a switch."""


class LimitForm(StudioForm):
    """Period and amount: all that the panel of a new identity asks for."""

    period = forms.ChoiceField(
        label=_("Period"), choices=Budget.Period.choices, initial="monthly"
    )
    amount_usd = forms.DecimalField(
        label=_("Amount (USD)"),
        min_value=Decimal(0),
        max_value=USD_MAX,
        decimal_places=USD_PLACES,
        initial=AMOUNT_DEFAULT,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )

    def restate(self, now: datetime) -> str:
        """Say in a sentence what the form means as it stands; empty if it is wrong."""
        values = self.cleaned_data if self.is_bound and self.is_valid() else None
        if self.is_bound and values is None:
            return ""
        return restate(**_limits(values or _initials(self)), now=now)


class BudgetForm(LimitForm):
    """Everything of a budget that the Studio lets people set."""

    field_order = ("period", "amount_usd")

    token_limit = forms.IntegerField(
        label=_("Token limit"),
        required=False,
        min_value=0,
        max_value=TOKENS_MAX,
        help_text=_("Input and output together. Empty: no limit."),
    )
    requests_per_minute = forms.IntegerField(
        label=_("Requests per minute"),
        required=False,
        min_value=1,
        max_value=RATE_MAX,
        help_text=_("In any 60 seconds. Empty: no limit."),
    )
    match_cel = forms.CharField(
        label=_("Expression"),
        required=False,
        max_length=EXPRESSION_MAX,
        help_text=_(
            "CEL over model, provider, api_key, identity, project, metadata and "
            "headers. Where it fails, the budget applies."
        ),
        widget=forms.Textarea(
            attrs={
                "rows": 2,
                "spellcheck": "false",
                "placeholder": 'metadata.tier == "free"',
                "class": "input mono",
            }
        ),
    )
    mode = forms.ChoiceField(
        label=_("Enforcement"),
        choices=[
            ("hard", _("Hard: refuse once the limit is reached")),
            ("strict", _("Strict: refuse what could pass the limit")),
            ("shadow", _("Shadow: only watch, refuse nothing")),
        ],
        initial="hard",
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        initial="UTC",
        help_text=_("Where days, weeks and months begin."),
    )
    is_active = forms.BooleanField(
        label=_("Enforced"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs=_SWITCH),
    )

    def __init__(self, *args: Any, has_expression: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount_usd"].required = False
        self.fields["time_zone"].choices = _zones()  # type: ignore[attr-defined]
        if not has_expression:
            del self.fields["match_cel"]

    def clean(self) -> dict[str, Any]:
        """Refuse a budget without any limit."""
        values = super().clean() or {}
        limits = {values.get(name) for name in LIMIT_NAMES}
        if not self.errors and limits == {None}:
            self.add_error("amount_usd", ValidationError(_("Set a limit.")))
        return values


class BudgetRowForm(forms.ModelForm):
    """A budget in the admin: every field, the time zone by choice."""

    time_zone = forms.ChoiceField(label=_("Time zone"), initial="UTC")
    requests_per_minute = forms.IntegerField(
        label=_("Requests per minute"),
        required=False,
        min_value=1,
        max_value=RATE_MAX,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "time_zone" in self.fields:
            self.fields["time_zone"].choices = _zones()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Give a budget with an expression itself as target, as the service does."""
        values = super().clean() or {}
        if values.get("scope_kind") == Budget.ScopeKind.MATCH:
            values["scope_target"] = self.instance.public_id
        return values

    def _post_clean(self) -> None:
        """Ask the services' rules, so that a refusal is an error of the form."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        is_new = "scope_kind" in self.fields  # later it is only shown
        try:
            if is_new:
                require_room(self.instance)
            asked = self.fields if is_new else self.changed_data
            require_sense(self.instance, asked, utc_now())
        except MeteringError as error:
            self.add_error(None, str(error))


def limits_of(budget: Budget) -> dict[str, Any]:
    """Return the initial values of `BudgetForm` for a budget."""
    amount = budget.amount_usd
    return {
        "period": budget.period,
        "amount_usd": None if amount is None else Decimal(plain(amount)),
        "token_limit": budget.token_limit,
        "requests_per_minute": budget.requests_per_minute,
        "match_cel": budget.match_cel,
        "mode": budget.mode,
        "time_zone": budget.time_zone,
        "is_active": budget.is_active,
    }


def restate(
    *,
    period: str,
    amount_usd: Decimal | None,
    now: datetime,
    token_limit: int | None = None,
    requests_per_minute: int | None = None,
    mode: str = "hard",
    time_zone: str = "UTC",
) -> str:
    """Say what a budget does and when it begins again."""
    what = limits = _limit_words(amount_usd, token_limit)
    if limits:
        words = {"limits": limits, "span": _SPANS[period]}
        what = _now("%(limits)s in %(span)s") % words
    if requests_per_minute is not None:
        rate = _now("%(count)s requests in any 60 seconds")
        rate %= {"count": f"{requests_per_minute:,}"}
        what = _now(", or ").join(filter(None, (what, rate)))
    if not what:
        return ""
    text = _now("Requests are blocked with 429 after %(what)s.")
    if mode == "shadow":
        text = _now("Nothing is refused; use over %(what)s is marked.")
    text %= {"what": what}
    return f"{text} {_resets(period, time_zone, now)}" if limits else text


def _limit_words(amount_usd: Decimal | None, token_limit: int | None) -> str:
    parts = []
    if amount_usd is not None:
        parts.append(
            f"${amount_usd:,.2f}" if amount_usd >= 1 else f"${plain(amount_usd)}"
        )
    if token_limit is not None:
        parts.append(_now("%(count)s tokens") % {"count": f"{token_limit:,}"})
    return _now(" or ").join(parts)


def _resets(period: str, time_zone: str, now: datetime) -> str:
    spec = BudgetPeriod(period=period, anchor=now, time_zone=time_zone)
    resets_at = calendar_window(spec, now).resets_at
    if resets_at is None:
        return _now("It never resets by itself.")
    return _now("Resets %(at)s UTC.") % {"at": date_format(resets_at, "j M Y H:i")}


def _initials(form: LimitForm) -> dict[str, Any]:
    return {
        name: form.get_initial_for_field(f, name) for name, f in form.fields.items()
    }


def _limits(values: dict[str, Any]) -> dict[str, Any]:
    names = ("period", *LIMIT_NAMES, "mode", "time_zone")
    return {name: values[name] for name in names if name in values}


@cache
def _zones() -> list[tuple[str, str]]:
    names = sorted(
        n for n in available_timezones() if "/" in n and not n.startswith("Etc")
    )
    return [("UTC", "UTC"), *((name, name) for name in names)]
