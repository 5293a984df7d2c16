"""Expressions of budgets: what is accepted, what holds, and what hostile ones cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.matching import (
    EXPRESSION_MAX,
    VARIABLES,
    ExpressionInvalidError,
    Facts,
    check_expression,
    matches,
    visible_headers,
)

CALL = {
    "model": "openai/gpt-4o",
    "model_id": "openai/gpt-4o",
    "provider": "openai",
    "api_key": "01KJ9YV9DH28W3G9ZJFKQ1Q8Q4",
    "identity": "user_1",
    "project": "apollo",
    "metadata": {"tier": "pro"},
    "headers": {"x-team": "blue"},
}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ('identity == "user_1"', True),
        ('identity == "user_2"', False),
        ('provider == "openai" && model.endsWith("gpt-4o")', True),
        ('model_id == "openai/gpt-4o"', True),
        ('api_key == "01KJ9YV9DH28W3G9ZJFKQ1Q8Q4"', True),
        ('project in ["apollo", "gemini"]', True),
        ('metadata.tier == "pro"', True),
        ('metadata["tier"] == "free"', False),
        ('has(metadata.team) && metadata.team == "x"', False),
        ('headers["x-team"] == "blue"', True),
        ('identity.matches("^user_[0-9]+$")', True),
        ('model.matches("^openai/gpt-4[.o]")', True),
        ('model.matches("gpt\\\\-4o$")', True),
        ('metadata.exists(key, metadata[key] == "pro")', True),
        ("identity == 'it\\'s'", False),
        ("true", True),
    ],
)
def test_every_documented_variable_can_be_matched(expression, holds):
    check_expression(expression)
    assert matches(expression, CALL) is holds


@pytest.mark.parametrize(
    "expression",
    [
        'metadata.missing == "x"',
        'metadata.missing != "x"',
        'headers["absent"] == "x"',
        "size(identity) / 0 == 1",
        'identity == "user_1" && metadata.tier > 3',
    ],
)
def test_an_expression_that_fails_on_a_call_matches_it(expression):
    check_expression(expression)
    assert matches(expression, CALL) is True


@pytest.mark.parametrize(
    "expression",
    [
        "",
        " ",
        "identity ==",
        "nonsense == 1",
        "identity",
        "1 + 1",
        '"a".matches("(")',
        'identity.matches(headers["x"])',
        'identity.matches("a" + "b")',
        'matches(identity, "a")',
        'identity.matches("a{1000}")',
        'identity.matches(r"a\\")',
        '"""x""" == "x"',
        "[1].all(a, [2].all(b, true))",
        "headers.//\nall(identity, headers.//\nall(model, true))",
        "[1].existsOne(a, [2].existsOne(b, true))",
        "identity == 'x' // a comment",
        'identity.matches("[\\\\pL]")',
        'identity.matches("\\\\w+")',
        'identity.matches("é")',
        'identity.matches("' + "a" * 65 + '")',
        'identity.matches("a") || model.matches("b")',
        'headers.all(k, headers[k].matches("a"))',
        "[1, 2].map(a, a) == [1, 2] || [1].exists(b, true)",
        "(" * 600 + "true" + ")" * 600,
        "[" * 900 + "]" * 900,
        'identity == "' + "a" * EXPRESSION_MAX + '"',
        "\x00",
    ],
)
def test_what_cannot_be_evaluated_soundly_is_refused_when_written(expression):
    with pytest.raises(ExpressionInvalidError, match=r"match\.cel"):
        check_expression(expression)


@given(st.text(max_size=200))
def test_any_text_is_accepted_or_refused_but_never_breaks(text):
    try:
        check_expression(text)
    except ExpressionInvalidError:
        return
    assert matches(text, CALL) in {True, False}


@given(
    st.text(
        alphabet="()[]{}!-+*/&|?:=<>.,'\"\\abi01 ", min_size=1, max_size=EXPRESSION_MAX
    )
)
def test_no_heap_of_operators_breaks_the_parser(text):
    try:
        check_expression(text)
    except ExpressionInvalidError:
        return
    assert matches(text, CALL) in {True, False}


def test_expressions_see_no_secret_headers():
    raw = {
        b"Authorization": b"Bearer sk",
        b"cookie": b"session=1",
        b"X-Team": b"bl\xfce",
    }
    assert visible_headers(raw) == {"x-team": "blüe"}


def test_the_sample_and_the_documented_variables_are_the_same():
    assert set(CALL) == VARIABLES
    assert Facts().metadata == {}
