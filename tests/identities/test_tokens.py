"""Bearer tokens as both rooms read them."""

from __future__ import annotations

import hashlib

import pytest

from orqstudio.lib.tokens import hash_token, read_bearer


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("  Bearer   abc  ", "abc"),
        ("Bearer abc:", "abc"),
        ("Bearer abc :", "abc"),
        ("Bearer abc::", "abc:"),
        ("Bearer a:c", "a:c"),
        ("Bearer ", None),
        ("Bearer :", None),
        ("Bearer", None),
        ("Basic abc", None),
        ("abc", None),
        ("Bearerabc", None),
        ("", None),
        (None, None),
    ],
)
def test_a_token_is_what_follows_bearer_without_one_colon(header, token):
    assert read_bearer(header) == token


def test_a_hash_is_the_sha_256_of_the_whole_token():
    assert hash_token("sk-orq-x") == hashlib.sha256(b"sk-orq-x").digest()
    assert hash_token("\ud800") != hash_token("\ud801")
