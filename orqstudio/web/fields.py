"""Serializer fields that take a value of their own JSON type and no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from orqstudio.web.json_body import ExactFloat

_EDGES_OR_CONTROLS = re.compile(r"^\s|\s$|[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
PLACEHOLDERS = frozenset({"[email protected]", "[email\u00a0protected]"})
"""What the API's own documentation shows where it hides an e-mail address; its curl
lines shall work as they stand there."""


class TextField(serializers.CharField):
    """A JSON string, kept as it is: numbers are refused and nothing is trimmed.

    With `allow_null`, null means the same as the empty string.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def run_validation(self, data: Any = serializers.empty) -> str:
        """Return the text."""
        if data is None and self.allow_null:
            return ""
        return str(super().run_validation(data))

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class ExternalIdField(TextField):
    """The caller's own key of an identity: what an HTTP header carries unchanged."""

    default_error_messages: ClassVar = {
        "edges": _(
            "Must not begin or end with a space, nor contain control characters."
        ),
    }

    def to_internal_value(self, data: Any) -> str:
        """Refuse what a header would change, so that budgets cannot be evaded."""
        text = super().to_internal_value(data)
        if _EDGES_OR_CONTROLS.search(text):
            self.fail("edges")
        return text


class EmailField(TextField):
    """An e-mail address."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no address."""
        text = super().to_internal_value(data)
        if text not in PLACEHOLDERS:
            validate_email(text)
        return text


class WebAddressField(TextField):
    """An absolute http(s) address; other schemes have no business in a page."""

    default_error_messages: ClassVar = {"url": _("Must be an http or https URL.")}

    def to_internal_value(self, data: Any) -> str:
        """Refuse relative addresses and other schemes."""
        text = super().to_internal_value(data)
        if not _is_web_address(text):
            self.fail("url")
        return text


class ObjectField(serializers.Field):
    """A JSON object; null means an empty one where it is allowed."""

    default_error_messages: ClassVar = {"invalid": _("Must be a JSON object.")}

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the object."""
        return {} if data is None and self.allow_null else super().run_validation(data)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse what is no object."""
        if not isinstance(data, Mapping):
            self.fail("invalid")
        return dict(data)


class TagsField(serializers.ListField):
    """A list of distinct, non-empty strings; null means none where it is allowed."""

    child = TextField(max_length=120)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the tags in the order given, each once."""
        if data is None and self.allow_null:
            return []
        return list(dict.fromkeys(super().run_validation(data)))


class FlagField(serializers.Field):
    """A JSON true or false."""

    default_error_messages: ClassVar = {"invalid": _("Must be true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        """Refuse texts and numbers."""
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class NamedField(serializers.Field):
    """One of the names of the API; its value is what the name stands for."""

    default_error_messages: ClassVar = {"invalid": _("Must be one of {names}.")}

    def __init__(self, choices: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.choices = choices

    def to_internal_value(self, data: Any) -> Any:
        """Refuse unknown names."""
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid", names=", ".join(self.choices))
        return self.choices[data]


class TimestampField(serializers.Field):
    """An RFC 3339 instant with its zone."""

    default_error_messages: ClassVar = {
        "invalid": _("Must be an RFC 3339 timestamp with a zone, such as %(example)s.")
        % {"example": "2027-01-01T00:00:00Z"},
    }

    def to_internal_value(self, data: Any) -> datetime:
        """Return the instant in UTC; beyond microseconds it is cut."""
        if not isinstance(data, str) or not _TIMESTAMP.fullmatch(data):
            self.fail("invalid")
        try:
            return datetime.fromisoformat(data.upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # the zone may push it out of the calendar
            self.fail("invalid")


class WholeNumberField(serializers.Field):
    """A whole JSON number in a range; 10.0 is one too."""

    default_error_messages: ClassVar = {
        "invalid": _("Must be a whole number from {least} to {most}."),
    }

    def __init__(self, *, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least = least
        self.most = most

    def to_internal_value(self, data: Any) -> int:
        """Refuse what is no number, has a fraction or lies outside."""
        number = read_number(data)
        if number is None or not self.least <= number <= self.most or number % 1:
            self.fail("invalid", least=self.least, most=self.most)
        return int(number)


class StrictSerializer(serializers.Serializer):
    """Refuses keys it does not know, for bodies in which a slip would grant much."""

    default_error_messages: ClassVar = {"unknown": _("There is no such field.")}

    def to_internal_value(self, data: Any) -> Any:
        """Return the values, or name every key that is not there."""
        if isinstance(data, Mapping) and (unknown := set(data) - set(self.fields)):
            sentence = self.error_messages["unknown"]
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), sentence))
        return super().to_internal_value(data)


def read_number(data: Any) -> Decimal | None:
    """Return exactly what the body says, not the nearest double; None for no number.

    Neither texts nor true and false pass for one, nor what only an exponent of many
    digits can say, such as 0e99999999999999999999.
    """
    if isinstance(data, ExactFloat):
        try:
            return Decimal(data.text)
        except InvalidOperation:
            return None
    return Decimal(data) if type(data) is int else None


def _is_web_address(text: str) -> bool:
    if re.search(r"[\s\x00-\x20\x7f]", text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
