"""Reads the query string of a resource strictly: an unknown value is a 400.

Unknown names are left alone: newer clients may send more than we know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from orqstudio.web.api import InvalidInput

if TYPE_CHECKING:
    from django.http import QueryDict

TEXT_MAX = 500
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_WHOLE = re.compile(r"(\d{1,9})(\.0{1,9})?", re.ASCII)  # an old client sends 10.0


def read_limit(query: QueryDict, *, default: int, most: int) -> int:
    """Return `limit` from 1 to `most`.

    Raises:
        InvalidInput: it is no whole number in that range.
    """
    text = query.get("limit")
    if text is None:
        return default
    match = _WHOLE.fullmatch(text)
    limit = int(match[1]) if match else 0
    if not 1 <= limit <= most:
        raise InvalidInput(
            _("limit must be a whole number from 1 to %(most)s.") % {"most": most}
        )
    return limit


def read_bool(query: QueryDict, name: str) -> bool | None:
    """Return true or false, None when it is not there.

    Raises:
        InvalidInput: it is neither.
    """
    text = query.get(name)
    if text is None:
        return None
    if text.lower() not in _BOOLEANS:
        raise InvalidInput(_("%(name)s must be true or false.") % {"name": name})
    return _BOOLEANS[text.lower()]


def read_text(query: QueryDict, name: str) -> str:
    """Return the text, empty when it is not there.

    Raises:
        InvalidInput: it is longer than `TEXT_MAX` characters.
    """
    text = query.get(name, "")
    if len(text) > TEXT_MAX:
        raise InvalidInput(
            _("%(name)s has more than %(most)s characters.")
            % {"name": name, "most": TEXT_MAX}
        )
    return text


def read_choice(query: QueryDict, name: str, choices: Mapping[str, str]) -> str | None:
    """Return what the value stands for in `choices`, None when it is not there.

    Raises:
        InvalidInput: it is none of them.
    """
    found = read_choices(query, name, choices)
    return found[-1] if found else None


def read_choices(query: QueryDict, name: str, choices: Mapping[str, str]) -> list[str]:
    """Return what each of the repeated values stands for.

    Raises:
        InvalidInput: one is none of `choices`.
    """
    values = query.getlist(name)
    if not set(values) <= set(choices):
        raise InvalidInput(
            _("%(name)s must be one of %(choices)s.")
            % {"name": name, "choices": ", ".join(choices)}
        )
    return [choices[value] for value in values]
