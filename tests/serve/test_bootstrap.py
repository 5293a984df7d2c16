"""What a start ensures, on the tests' own database."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from identities.models import ApiKey, Identity, Membership, Workspace
from metering.models import Budget, Deployment, UsageDaily, UsageEvent
from orqstudio import bootstrap, demo
from orqstudio.lib.errors import StartError


def test_the_first_start_makes_workspace_owner_key_and_deployment(db):
    welcome = bootstrap.ensure_workspace()

    workspace = Workspace.objects.get(slug="default")
    admin = User.objects.get(username=welcome.admin_user)
    assert admin.is_superuser
    assert admin.check_password(welcome.admin_password)
    assert Membership.objects.get(user=admin).role == "owner"
    assert ApiKey.objects.filter(workspace=workspace).count() == 1
    assert Deployment.objects.get(workspace=workspace).key == "demo"


def test_the_second_start_makes_nothing_and_shows_nothing(db):
    bootstrap.ensure_workspace()

    assert bootstrap.ensure_workspace() is None
    assert User.objects.count() == ApiKey.objects.count() == 1


def test_an_administrator_who_is_there_keeps_their_password(db):
    User.objects.create_superuser("admin", password="long kept")

    welcome = bootstrap.ensure_workspace()

    assert welcome.admin_password is None
    assert User.objects.get().check_password("long kept")


def test_an_old_database_is_refused(db, monkeypatch):
    monkeypatch.setattr(bootstrap, "LEAST_POSTGRES", 99)

    with pytest.raises(StartError, match=r"older than PostgreSQL 99; upgrade it\."):
        bootstrap.ensure_workspace()


def test_everywhere_is_no_host_name_but_an_address_is(settings, monkeypatch):
    monkeypatch.setenv("ORQSTUDIO_ALLOWED_HOSTS", "")
    with override_settings(ALLOWED_HOSTS=["localhost"]):
        for host in ("0.0.0.0", "::", "192.0.2.7", "192.0.2.7", "2001:db8::1"):
            bootstrap.allow_host(host)

        assert settings.ALLOWED_HOSTS == ["localhost", "192.0.2.7", "[2001:db8::1]"]


def test_samples_agree_with_themselves_and_come_once(db):
    bootstrap.ensure_workspace()

    demo.fill_default_workspace(timezone.now())
    calls = UsageEvent.objects.count()
    demo.fill_default_workspace(timezone.now())

    assert UsageEvent.objects.count() == calls > 10_000
    assert sum(UsageDaily.objects.values_list("requests", flat=True)) == calls
    assert sum(UsageDaily.objects.values_list("cost_usd", flat=True)) == sum(
        UsageEvent.objects.values_list("cost_usd", flat=True)
    )
    assert Identity.objects.count() == len(demo.SAMPLES)
    assert Budget.objects.count() == len(demo.BUDGETS)
    assert not UsageEvent.objects.filter(occurred_at__gt=timezone.now()).exists()
