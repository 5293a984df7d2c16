"""Fixtures of every test: the cast, clients, a clock that stands still."""

from __future__ import annotations

import pytest
import time_machine
from django.test import override_settings
from hypothesis import settings

from tests.api_client import ApiClient
from tests.make import make_key, make_user, make_workspace, utc
from tests.serving import Installation

settings.register_profile("house", deadline=None)  # machines differ, rules do not
settings.load_profile("house")

NOON = utc("2026-03-15T12:00")
"""A Sunday in the middle of a month, no daylight saving change anywhere near."""


@pytest.fixture(scope="session", autouse=True)
def _fast_settings():
    """Static files by their plain names, and passwords hashed cheaply."""
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    with override_settings(
        STORAGES={"staticfiles": {"BACKEND": plain}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


@pytest.fixture
def workspace(db):
    """The workspace of Alice and Bob."""
    return make_workspace("acme")


@pytest.fixture
def other_workspace(db):
    """Charlie's: nothing of it may ever show in the first."""
    return make_workspace("globex")


@pytest.fixture
def alice(workspace):
    """Owner."""
    return make_user("alice", workspace, role="owner")


@pytest.fixture
def bob(workspace):
    """Viewer."""
    return make_user("bob", workspace, role="viewer")


@pytest.fixture
def charlie(other_workspace):
    """Owner of the other workspace."""
    return make_user("charlie", other_workspace, role="owner")


@pytest.fixture
def api(workspace):
    """A client with a key of the workspace."""
    return ApiClient(make_key(workspace))


@pytest.fixture
def charlies_api(other_workspace):
    """A client with a key of the other workspace."""
    return ApiClient(make_key(other_workspace))


@pytest.fixture
def anonymous_api():
    """A client without a key."""
    return ApiClient(None)


@pytest.fixture
def clock():
    """Time that stands at NOON until the test moves it: `clock.shift(60)`.

    The database's own clock runs on; only Python's stands.
    """
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def installation(tmp_path_factory):
    """A machine where nothing was started yet; see tests/serving.py."""
    made = Installation(tmp_path_factory.mktemp("installation") / "var")
    yield made
    made.remove()
