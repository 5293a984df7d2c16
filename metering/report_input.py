"""The body of `POST /v2/reporting`: checked, then a `Question`.

What the API has and this server does not record is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from metering.budget_input import TimeZoneField
from metering.reporting.catalogue import DIMENSIONS, METRICS, Dimension
from metering.reporting.question import LONGEST, Filter, Question, choose_grain
from orqstudio.web.api import InvalidInput
from orqstudio.web.fields import (
    FlagField,
    NamedField,
    TextField,
    TimestampField,
    read_number,
)

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
LAST = datetime(2100, 1, 1, tzinfo=UTC)
LIMIT_DEFAULT = 1000
LIMIT_MOST = 5000
FILTERS_MOST = 20
VALUES_MOST = 100
VALUE_MOST = 500
OPERATORS = {"eq": False, "neq": True, "in": False, "not_in": True}
"""Name -> whether it negates."""
TAKE_ONE = frozenset({"eq", "neq"})


class AnswerableField(NamedField):
    """A name of the API that this server has an answer for."""

    default_error_messages: ClassVar = {
        "invalid": _("Is not recorded by this server, or unknown; use {names}."),
    }


class ChoiceField(NamedField):
    """One of the API's words, kept as it is."""

    def __init__(self, *names: str, **options: Any) -> None:
        super().__init__({name: name for name in names}, **options)


class LimitField(serializers.Field):
    """A whole number of rows, at least 1; more than the cap means the cap."""

    default_error_messages: ClassVar = {
        "invalid": _("Must be a whole number, at least 1."),
    }

    def to_internal_value(self, data: Any) -> int:
        """Return the limit; 10.0 is a whole number too."""
        number = read_number(data)
        # not `% 1`, which fails beyond 28 digits
        if number is None or number < 1 or number != number.to_integral_value():
            self.fail("invalid")
        return min(int(number), LIMIT_MOST)


class FilterIn(serializers.Serializer):
    """One predicate."""

    field = AnswerableField({name: name for name in DIMENSIONS})
    op = ChoiceField(*OPERATORS)
    values = serializers.ListField(
        child=TextField(max_length=VALUE_MOST, allow_blank=True),
        min_length=1,
        max_length=VALUES_MOST,
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse several values for one comparison, and values no row can have."""
        if attrs["op"] in TAKE_ONE and len(attrs["values"]) > 1:
            raise serializers.ValidationError(
                {"values": _("eq and neq take exactly one value.")}
            )
        if None in _read_values(attrs):
            raise serializers.ValidationError(
                {"values": _("%(field)s has no such values.") % attrs}
            )
        return attrs


class QuestionIn(serializers.Serializer):
    """The whole body; null means the same as leaving a key out."""

    metric = AnswerableField({name: name for name in METRICS})
    to = TimestampField()
    grain = ChoiceField(
        "auto", "minute", "hour", "day", required=False, allow_null=True
    )
    group_by = serializers.ListField(
        child=AnswerableField({name: name for name in DIMENSIONS}),
        max_length=len(DIMENSIONS),
        required=False,
        allow_null=True,
    )
    filters = serializers.ListField(
        child=FilterIn(), max_length=FILTERS_MOST, required=False, allow_null=True
    )
    limit = LimitField(required=False, allow_null=True)
    time_zone = TimeZoneField(required=False, allow_null=True, allow_blank=True)
    include_totals = FlagField(required=False, allow_null=True)
    mode = ChoiceField("timeseries", "scalar", required=False, allow_null=True)
    sort = ChoiceField("desc", "asc", required=False, allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Return the fields with `from`, which is no name in Python."""
        return {"from": TimestampField(), **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a range that is empty, or outside all calendars in use."""
        if attrs["to"] <= attrs["from"]:
            raise serializers.ValidationError({"to": _("Must be after from.")})
        if attrs["from"] < FIRST or attrs["to"] > LAST:
            raise serializers.ValidationError(
                {"from": _("from and to must lie between the years 2000 and 2100.")}
            )
        return attrs


def read_question(workspace_id: UUID, body: dict[str, Any]) -> Question:
    """Return what the body asks about the workspace.

    Raises:
        ValidationError: a value has the wrong type, form or range.
        InvalidInput: the range is too long for the grain.
    """
    serializer = QuestionIn(data=body)
    serializer.is_valid(raise_exception=True)
    asked = {
        name: value
        for name, value in serializer.validated_data.items()
        if value is not None and body.get(name) is not None
    }
    is_series = asked.get("mode") != "scalar"
    grain = asked.get("grain", "auto")
    length = asked["to"] - asked["from"]
    if grain == "auto":
        grain = choose_grain(length)
    longest = LONGEST[grain if is_series else "day"]
    if length > longest:
        raise InvalidInput(_too_long(grain if is_series else "", longest.days))
    return Question(
        workspace_id=workspace_id,
        metric=METRICS[asked["metric"]],
        starts_at=asked["from"],
        ends_at=asked["to"],
        grain=grain,
        time_zone=asked.get("time_zone") or "UTC",
        group_by=_read_dimensions(asked),
        filters=[_read_filter(each) for each in asked.get("filters", ())],
        limit=asked.get("limit", LIMIT_DEFAULT),
        is_series=is_series,
        is_descending=asked.get("sort") != "asc",
        wants_totals=asked.get("include_totals", False),
        asked=_echo(asked),
    )


def _too_long(grain: str, days: int) -> object:
    if not grain:
        return _("from and to may be at most %(days)s days apart.") % {"days": days}
    return _(
        "With grain %(grain)s, from and to may be at most %(days)s days apart."
    ) % {"grain": grain, "days": days}


def _read_dimensions(asked: Mapping[str, Any]) -> list[Dimension]:
    names = dict.fromkeys(asked.get("group_by", ()))
    return [DIMENSIONS[name] for name in names]


def _read_filter(facts: Mapping[str, Any]) -> Filter:
    return Filter(
        dimension=DIMENSIONS[facts["field"]],
        values=_read_values(facts),
        is_negated=OPERATORS[facts["op"]],
    )


def _read_values(facts: Mapping[str, Any]) -> list[Any]:
    """Return the column's own values, None for what can be none of them."""
    read = DIMENSIONS[facts["field"]].read
    return [read(value) for value in facts["values"]]


def _echo(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked as JSON; every client reads its timestamps."""
    bounds = {
        name: asked[name].isoformat().replace("+00:00", "Z") for name in ("from", "to")
    }
    return {**asked, **bounds}
