"""How numbers, money and times are written, and curl lines quoted."""

from __future__ import annotations

import json
import shlex
import string
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orqstudio.lib.curl import build_curl
from orqstudio.templatetags import studio as tags
from tests.make import utc

NOW = utc("2026-03-15T12:00")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "–"),
        ("0", "$0"),
        ("0.00000001", "<$0.0001"),
        ("0.0001", "$0.0001"),
        ("0.011691", "$0.0117"),
        ("0.08", "$0.08"),
        ("0.5", "$0.50"),
        ("1", "$1.00"),
        ("1204.005", "$1,204.00"),
        ("1234567.89", "$1,234,567.89"),
    ],
)
def test_money(amount, text):
    assert tags.usd(None if amount is None else Decimal(amount)) == text


def test_money_to_the_last_decimal():
    assert tags.usd_exact(Decimal("0.0116910000")) == "$0.011691"
    assert tags.usd_exact(Decimal("10.0000000000")) == "$10"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (1234, "1.2k"),
        (999_949, "999.9k"),
        (999_950, "1M"),
        (999_999_999, "1B"),
        (1_200_000, "1.2M"),
        (3_000_000_000, "3B"),
        (None, "–"),
    ],
)
def test_counts(number, text):
    assert tags.compact(number) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        ("0", "0%"),
        ("0.0000001", "0.1%"),
        ("0.004", "0.4%"),
        ("0.4", "40%"),
        ("0.994", "99%"),
        ("0.9999999", "99%"),
        ("1", "100%"),
        ("1.24", "124%"),
    ],
)
def test_shares_are_never_rounded_to_none_or_all(ratio, text):
    assert tags.percent(Decimal(ratio)) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=-5), "just now"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=2), "2 d ago"),
        (timedelta(days=45), "1 mo ago"),
        (timedelta(days=800), "2 y ago"),
    ],
)
def test_ages(age, text):
    assert f">{text}</time>" in tags.ago(NOW - age, NOW)


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(seconds=5), "1 min"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=3, hours=4), "3 days 4 h"),
        (timedelta(days=16, hours=4), "16 days"),
        (timedelta(-1), "1 min"),
    ],
)
def test_what_is_left(left, text):
    assert tags.until(NOW + left, NOW) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (0, 0, ""),
        (5, 0, "none before"),
        (15, 10, "+50%"),
        (5, 10, "-50%"),
        (10, 10, "no change"),
        (10_000, 1, "more than tenfold"),
    ],
)
def test_changes(now, before, text):
    assert tags.change(now, before) == text


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Jane Doe", "JD"), ("user_1", "U1"), ("  ", "·"), ("<b>", "·"), ("äöü", "Ä")],
)
def test_initials(name, letters):
    assert tags.initials(name) == letters


PRINTABLE = st.text(string.printable.replace("\r", "").replace("\n", ""))


@given(PRINTABLE, st.dictionaries(st.text(), st.text()))
def test_a_shell_reads_back_what_was_meant(value, body):
    line = build_curl(
        "http://127.0.0.1/v2/x", method="POST", headers={"X-Id": value}, body=body
    )

    words = shlex.split(line.replace(" \\\n", " ") if "\n" not in value else line)
    assert words[:2] == ["curl", "http://127.0.0.1/v2/x"]
    assert f"X-Id: {value}" in words
    assert "Authorization: Bearer $ORQ_API_KEY" in words
    assert json.loads(words[-1]) == body


def test_a_method_that_is_not_told_by_the_body_is_named():
    assert "-X DELETE" in build_curl("http://h/x", method="DELETE")
    assert "-X" not in build_curl("http://h/x", method="POST", body={})
    assert "-X POST" in build_curl("http://h/x", method="POST")
