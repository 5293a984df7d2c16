"""The fields of a budget's body; each takes a value of its own JSON type alone."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from metering.budget_rules import RATE_MAX
from metering.matching import EXPRESSION_MAX
from metering.models import Budget
from metering.wire_names import ALERT_DIMENSIONS, PERIODS, WEEKDAYS
from orqstudio.lib.money import USD_MAX, USD_PLACES, round_usd
from orqstudio.web.fields import (
    FlagField,
    NamedField,
    TextField,
    TimestampField,
    WholeNumberField,
    read_number,
)

TOKENS_MAX = 2**63 - 1
ALERTS_MOST = 10
NOTIFIERS_MOST = 10
ALERT_ID_MAX = 120


class AmountField(serializers.Field):
    """US dollars: a JSON number from 0 to below 10^10, at most ten decimals."""

    default_error_messages: ClassVar = {
        "invalid": _("Must be a number."),
        "range": _("Must be from 0 to %(most)s US dollars.") % {"most": USD_MAX},
        "decimals": _("Must have at most %(most)s decimals.") % {"most": USD_PLACES},
    }

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the exact amount."""
        amount = read_number(data)
        if amount is None:
            self.fail("invalid")
        if not 0 <= amount <= USD_MAX:
            self.fail("range")
        if round_usd(amount) != amount:
            self.fail("decimals")
        return abs(round_usd(amount))


class TimeZoneField(TextField):
    """An IANA time zone name."""

    default_error_messages: ClassVar = {
        "zone": _("Must be an IANA time zone such as Europe/Amsterdam."),
    }

    def to_internal_value(self, data: Any) -> str:
        """Refuse names the system does not know."""
        name = super().to_internal_value(data)
        if name not in _zone_names():
            self.fail("zone")
        return name


class NotifiersField(serializers.ListField):
    """Whom an alert is for: a few ids, each once."""

    child = TextField(max_length=ALERT_ID_MAX)
    default_error_messages: ClassVar = {"repeated": _("Must name each notifier once.")}

    def to_internal_value(self, data: Any) -> list[str]:
        """Refuse repeated ids."""
        notifier_ids: list[str] = super().to_internal_value(data)
        if len(set(notifier_ids)) < len(notifier_ids):
            self.fail("repeated")
        return notifier_ids


class DimensionField(NamedField):
    """What an alert watches; the API knows tokens, and refuses them."""

    default_error_messages: ClassVar = {
        "tokens": _("Alerts on tokens are not supported; leave it out for cost."),
    }

    def to_internal_value(self, data: Any) -> Any:
        """Refuse tokens with a sentence of its own."""
        if data == "BUDGET_ALERT_DIMENSION_TOKENS":
            self.fail("tokens")
        return super().to_internal_value(data)


class LimitsPatch(serializers.Serializer):
    """Limits that change; null takes one away."""

    period = NamedField(PERIODS, required=False)
    amount = AmountField(source="amount_usd", required=False, allow_null=True)
    token_limit = WholeNumberField(
        least=0, most=TOKENS_MAX, required=False, allow_null=True
    )


class LimitsIn(LimitsPatch):
    """The limits of a new budget; there is no default period."""

    period = NamedField(PERIODS)


class RateIn(serializers.Serializer):
    """Requests in any 60 seconds; null takes the limit away."""

    requests_per_minute = WholeNumberField(least=1, most=RATE_MAX, allow_null=True)


class MatchIn(serializers.Serializer):
    """The expression of a budget without a scope."""

    cel = TextField(source="match_cel", max_length=EXPRESSION_MAX)


class AlertIn(serializers.Serializer):
    """One alert; `id` names one that is there already."""

    id = TextField(max_length=ALERT_ID_MAX, required=False, allow_null=True)
    threshold_percent = WholeNumberField(least=1, most=100)
    notifier_ids = NotifiersField(min_length=1, max_length=NOTIFIERS_MOST)
    dimension = DimensionField(ALERT_DIMENSIONS, default="cost")


class BudgetSettings(serializers.Serializer):
    """What a new budget may have and an old one may change."""

    rate_limit = RateIn(required=False, allow_null=True)
    match = MatchIn(required=False, allow_null=True)
    alerts = serializers.ListField(
        child=AlertIn(), max_length=ALERTS_MOST, required=False, allow_null=True
    )
    mode = NamedField({mode: mode for mode in Budget.Mode.values}, required=False)
    time_zone = TimeZoneField(required=False)
    week_starts_on = NamedField(WEEKDAYS, required=False)
    is_active = FlagField(required=False)
    expires_at = TimestampField(required=False, allow_null=True)


class BudgetIn(BudgetSettings):
    """A new budget, without its scope."""

    limits = LimitsIn()


class BudgetPatch(BudgetSettings):
    """Changes of a budget."""

    limits = LimitsPatch(required=False)
    clear_expires_at = FlagField(required=False)
    clear_alerts = FlagField(required=False)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())
