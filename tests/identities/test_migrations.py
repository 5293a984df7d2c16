"""Keys survive the move of their hashes to a table of secrets, and the way back."""

from __future__ import annotations

from datetime import timedelta

from django.core.management import call_command
from django.db import connection

from identities import services
from identities.models import ApiKey
from orqstudio.lib.tokens import hash_token
from tests.api_client import ApiClient
from tests.conftest import NOON
from tests.make import make_key

BEFORE_SECRETS = "0005_api_key_disabled_and_deleted"


def test_every_key_works_after_a_migration_back_and_forth(workspace):
    plain = make_key(workspace, name="plain")
    make_key(workspace, name="rotated")
    newest = services.rotate_api_key(
        api_key=ApiKey.objects.get(name="rotated"),
        overlap=timedelta(days=9999),
        now=NOON,
    ).token

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        call_command("migrate", "identities", BEFORE_SECRETS, verbosity=0)
        cursor.execute("SELECT name, token_hash FROM api_key ORDER BY name")
        kept = {name: bytes(token_hash) for name, token_hash in cursor.fetchall()}
    call_command("migrate", verbosity=0)

    assert kept == {"plain": hash_token(plain), "rotated": hash_token(newest)}
    for token in (plain, newest):
        assert ApiClient(token).get("/v2/budgets").status_code == 200
