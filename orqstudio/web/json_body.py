"""Reads a JSON request body strictly: what cannot be kept is refused.

Refused with 400: malformed JSON, anything but an object on top, NaN and Infinity,
NUL characters, lone surrogates, nesting beyond `DEPTH_MAX`; with 413: too many bytes.
"""

from __future__ import annotations

import json
import math
from typing import IO, Any

from django.conf import settings
from django.http import UnreadablePostError
from django.utils.translation import gettext_lazy as _
from rest_framework.parsers import BaseParser

from orqstudio.lib.errors import DomainError, Kind

DEPTH_MAX = 64
JSON_SPACE = b" \t\r\n"


class BodyInvalid(DomainError):
    """The body is no JSON object that can be kept."""

    code = "body_invalid"
    sentence = _("The request body %(problem)s.")

    def __init__(self, problem: object) -> None:
        super().__init__(problem)
        self.problem = problem


class BodyTooLarge(DomainError):
    """The body has more bytes than `DATA_UPLOAD_MAX_MEMORY_SIZE`."""

    kind = Kind.TOO_LARGE
    code = "body_too_large"
    sentence = _("The request body has more than %(most_bytes)s bytes.")

    def __init__(self, most_bytes: int) -> None:
        super().__init__(most_bytes)
        self.most_bytes = most_bytes


class ExactFloat(float):
    """A JSON number that remembers its text, so that money stays exact."""

    text: str

    def __new__(cls, text: str) -> ExactFloat:
        """Return the number.

        Raises:
            ValueError: it is too large for a double.
        """
        number = super().__new__(cls, text)
        if math.isinf(number):
            raise ValueError(text)
        number.text = text
        return number


class JSONBodyParser(BaseParser):
    """Parses every request body as JSON, whatever content type it claims.

    The API's own curl lines send a content type without a body, and curl's default
    names a form; neither is worth a 415.
    """

    media_type = "*/*"

    def parse(
        self, stream: IO[bytes], media_type: Any = None, parser_context: Any = None
    ) -> dict[str, Any]:
        """Return the object; an empty body is an empty object."""
        return read_object(_read(stream))


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object in the bytes.

    Raises:
        BodyInvalid: see the module.
    """
    if not raw.strip(JSON_SPACE):
        return {}
    try:
        value = json.loads(
            raw.decode("utf-8-sig"),
            parse_float=ExactFloat,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise BodyInvalid(_("is nested too deep")) from None
    except ValueError:  # not UTF-8, not JSON, a number beyond all bounds
        raise BodyInvalid(_("is not valid JSON")) from None
    if not isinstance(value, dict):
        raise BodyInvalid(_("must be a JSON object"))
    _require_storable(value)
    return value


def is_storable(text: str) -> bool:
    """Whether PostgreSQL keeps the text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and _is_unicode(text)


def _read(stream: IO[bytes]) -> bytes:
    most_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        raw = stream.read(most_bytes + 1)
    except UnreadablePostError:
        raise BodyInvalid(_("ended before all of it had arrived")) from None
    if len(raw) > most_bytes:
        raise BodyTooLarge(most_bytes)
    return raw


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _require_storable(value: dict[str, Any]) -> None:
    """Walk without recursion; PostgreSQL keeps neither NUL nor lone surrogates."""
    layer: list[Any] = [value]
    for _depth in range(DEPTH_MAX):
        _require_texts(layer)
        layer = [child for each in layer for child in _children(each)]
        if not layer:
            return
    raise BodyInvalid(_("is nested too deep"))


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _require_texts(values: list[Any]) -> None:
    for text in values:
        if isinstance(text, str):
            if "\x00" in text:
                raise BodyInvalid(_("contains a NUL character"))
            if not _is_unicode(text):
                raise BodyInvalid(_("contains half of a surrogate pair"))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
