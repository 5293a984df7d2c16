"""CEL expressions that say which calls a budget counts (contract 6.5). Pure.

Checked when written; compiled once; evaluated for each call. An expression that
fails on a call (a missing key, a wrong type) matches it: the budget applies, so a
caller cannot slip past a limit by leaving something out. `has(metadata.tier) && ...`
says what is meant.

Bounds that keep an evaluation short, since it happens while a batch of the ledger
waits: length, at most one comprehension, at most one short and plain pattern.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cel

EXPRESSION_MAX = 2048
VARIABLES = frozenset(
    {
        "model",
        "provider",
        "model_id",
        "api_key",
        "identity",
        "project",
        "metadata",
        "headers",
    }
)
HIDDEN_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})

_LITERAL = re.compile(r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""")
_ODD_LITERAL = re.compile(r"[\"']|[A-Za-z_]§\d|§§")
_COMPREHENSION = re.compile(
    r"\.\s*(?:(?:all|exists|exists_one|existsOne|map|filter|transform\w*)\b"
    r"|\w+(?=\s*\(\s*\w+\s*,))"
)
"""A macro by name, and whatever else takes a bare name first, as macros do."""
_MATCHES = re.compile(r"\bmatches\b")
_MATCHES_LITERAL = re.compile(r"\.\s*matches\s*\(\s*§(\d+)§\s*\)")
_PLAIN_PATTERN = re.compile(r"(?:[\w\-./:@ ^$*+?|()\[\]]|\\\\[^\w\s])*", re.ASCII)
"""Letters, digits, usual signs and escaped signs: nothing of it compiles slowly."""
PATTERN_MAX = 64
_LOOP_VARIABLE = re.compile(_COMPREHENSION.pattern + r"\s*\(\s*(\w+)\s*,")
_SAMPLE: dict[str, Any] = {
    **dict.fromkeys(VARIABLES, ""),
    "metadata": {},
    "headers": {},
}


class ExpressionInvalidError(ValueError):
    """The expression cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a call an expression can see beside the call itself.

    Attributes:
        headers: raw request headers; secret ones are not shown to expressions.
        metadata: the caller's own pairs.
    """

    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


def check_expression(text: str) -> None:
    """Refuse what does not compile or could run long.

    Raises:
        ExpressionInvalidError: says why.
    """
    if not 1 <= len(text) <= EXPRESSION_MAX:
        message = f"match.cel must have 1 to {EXPRESSION_MAX} characters"
        raise ExpressionInvalidError(message)
    try:
        program = _compile(text)
    except Exception as error:  # the library raises several kinds
        reason = " ".join(str(error).split())[:200]
        message = f"match.cel cannot be parsed: {reason}"
        raise ExpressionInvalidError(message) from error
    bare, literals = _bare(text)
    _check_bounds(bare, literals)
    known = VARIABLES | set(_LOOP_VARIABLE.findall(bare))
    unknown = sorted(set(program.variables()) - known)
    if unknown:
        message = f"match.cel names unknown variables: {', '.join(unknown)}"
        raise ExpressionInvalidError(message)
    _check_result(program)


def matches(text: str, variables: Mapping[str, Any]) -> bool:
    """Tell whether the expression holds; one that fails holds."""
    try:
        return _compile(text).execute(dict(variables)) is not False
    except Exception:  # fail closed, whatever the library raises: see the module
        return True


def visible_headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return headers as expressions see them: lower-case names, no secrets."""
    shown = {name.decode("latin-1").lower(): value for name, value in headers.items()}
    return {
        name: value.decode("latin-1")
        for name, value in shown.items()
        if name not in HIDDEN_HEADERS
    }


@lru_cache(maxsize=2048)
def _compile(text: str) -> cel.Program:
    return cel.compile(text)


def _bare(text: str) -> tuple[str, list[str]]:
    """Return the expression with its text literals taken out, and those literals."""
    literals: list[str] = []

    def keep(match: re.Match[str]) -> str:
        literals.append(match[0])
        return f"§{len(literals) - 1}§"

    return _LITERAL.sub(keep, text.replace("§", " ")), literals


def _check_bounds(bare: str, literals: list[str]) -> None:
    """Refuse what could run long; before anything is evaluated."""
    # Raw, byte and triple-quoted texts would need a second way of reading quotes,
    # comments a second way of reading blanks.
    if _ODD_LITERAL.search(bare) or "//" in bare:
        message = "match.cel must write texts in plain quotes, and no comments"
        raise ExpressionInvalidError(message)
    loops = len(_COMPREHENSION.findall(bare))
    if loops > 1:
        message = "match.cel may hold one comprehension (all, exists, map, filter)"
        raise ExpressionInvalidError(message)
    named = len(_MATCHES.findall(bare))
    patterns = [literals[int(index)] for index in _MATCHES_LITERAL.findall(bare)]
    if len(patterns) != named or named > 1 or (named and loops):
        message = (
            "match.cel may call matches() once, with a literal pattern and outside "
            "of comprehensions"
        )
        raise ExpressionInvalidError(message)
    for pattern in patterns:
        _check_pattern(pattern)


def _check_pattern(literal: str) -> None:
    """Refuse a regular expression that is dear or cannot be compiled.

    The library compiles it anew for each call, under everybody's lock.
    """
    pattern = literal[1:-1]
    if len(pattern) > PATTERN_MAX or not _PLAIN_PATTERN.fullmatch(pattern):
        message = (
            f"match.cel: a pattern has at most {PATTERN_MAX} letters, digits and "
            "signs, no {counts} and no classes like \\w; write [a-z0-9_]"
        )
        raise ExpressionInvalidError(message)
    try:
        _compile(f'"".matches({literal})').execute({})
    except Exception as error:  # the library raises several kinds
        message = f"match.cel: {literal[:80]} is not a regular expression"
        raise ExpressionInvalidError(message) from error


def _check_result(program: cel.Program) -> None:
    """Refuse what gives no truth value; a failure on the sample proves nothing."""
    try:
        result = program.execute(_SAMPLE)
    except Exception:  # for example a missing key: calls may have it
        return
    if not isinstance(result, bool):
        message = "match.cel must be true or false for a call"
        raise ExpressionInvalidError(message)
