"""Changes of one key at once: each finds what the one before it left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from identities import services
from identities.errors import ApiKeyRevoked
from identities.models import ApiKey, ApiKeySecret
from tests.committed import acme, db
from tests.make import make_api_key

__all__ = ["acme", "db"]

pytestmark = pytest.mark.race

AT_ONCE = 8


def at_once(work, times=AT_ONCE):
    """Return what `work` returned or raised, in threads with their own connections."""

    def run(number):
        try:
            return work(number)
        except ApiKeyRevoked as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


def test_of_rotations_at_once_one_secret_is_left(acme):
    key = make_api_key(acme)
    now = timezone.now()

    issued = at_once(
        lambda _: services.rotate_api_key(api_key=key, overlap=timedelta(0), now=now)
    )

    assert len({each.token for each in issued}) == AT_ONCE
    secrets = ApiKeySecret.objects.filter(api_key=key)
    assert secrets.count() == AT_ONCE + 1
    assert secrets.filter(expires_at=None).count() == 1


def test_no_rotation_gets_past_a_revocation(acme):
    key = make_api_key(acme)
    now = timezone.now()

    def work(number):
        if number == AT_ONCE // 2:
            changes = {"status": "revoked"}
            return services.update_api_key(api_key=key, changes=changes, now=now)
        return services.rotate_api_key(api_key=key, overlap=timedelta(0), now=now)

    done = at_once(work)

    issued = [each for each in done if isinstance(each, services.IssuedKey)]
    secrets = ApiKeySecret.objects.filter(api_key=key)
    assert secrets.count() == len(issued) + 1
    assert ApiKey.objects.get(pk=key.pk).status == "revoked"


def test_changes_of_different_fields_at_once_all_hold(acme):
    key = make_api_key(acme)
    now = timezone.now()
    changes = [
        {"name": "new"},
        {"project_id": "p1"},
        {"owner_external_id": "jane"},
        {"permission_mode": "read_only"},
    ]

    at_once(
        lambda number: services.update_api_key(
            api_key=key, changes=changes[number], now=now
        ),
        len(changes),
    )

    found = ApiKey.objects.filter(pk=key.pk).values().get()
    assert {name: found[name] for each in changes for name in each} == {
        name: value for each in changes for name, value in each.items()
    }
