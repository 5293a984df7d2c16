"""Migrations match the models, are one line, and can be taken back."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader


def test_the_models_are_what_the_migrations_make(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize("app", ["identities", "metering"])
def test_there_is_one_line_of_migrations(app):
    assert len(MigrationLoader(None).graph.leaf_nodes(app)) == 1


def test_migrations_can_be_taken_back_and_made_again(db):
    before = set(connection.introspection.table_names())

    call_command("migrate", "metering", "zero", verbosity=0)
    call_command("migrate", "identities", "zero", verbosity=0)
    between = set(connection.introspection.table_names())
    call_command("migrate", verbosity=0)

    assert {"usage_event", "budget", "identity", "workspace"} <= before - between
    assert set(connection.introspection.table_names()) == before
