"""A change of an identity beside its deletion: one of them comes first."""

from __future__ import annotations

from contextlib import suppress

import psycopg
import pytest
from django.db import connection

from identities.services import update_identity
from orqstudio.lib.database_url import conninfo
from tests.committed import acme, db
from tests.make import make_identity

__all__ = ["acme", "db"]

pytestmark = pytest.mark.race


def test_a_deletion_waits_until_the_changed_identity_was_read_again(acme):
    jane = make_identity(acme, "jane")
    tried = []

    def delete_after_update(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if sql.startswith("UPDATE"):
            tried.append(sql)
            with (
                suppress(psycopg.errors.LockNotAvailable),
                psycopg.connect(conninfo(connection.settings_dict)) as other,
            ):
                other.execute("SET lock_timeout = '50ms'")
                other.execute("DELETE FROM identity WHERE id = %s", [jane.pk])
        return result

    with connection.execute_wrapper(delete_after_update):
        changed = update_identity(identity=jane, changes={"display_name": "Jane"})

    assert len(tried) == 1
    assert changed.display_name == "Jane"
