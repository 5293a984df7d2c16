"""A real server on the test database, a real provider behind it, a key per test."""

from __future__ import annotations

import pytest
from django.db import connection

from metering.models import ModelPrice, Provider
from orqstudio.lib.database_url import conninfo
from tests.committed import acme, database, db, facts, globex
from tests.fake_provider import FakeProvider
from tests.gateway.client import PROVIDER_SECRET, GatewayClient
from tests.make import make_key
from tests.servers import AppServer

__all__ = ["acme", "database", "db", "facts", "globex"]


@pytest.fixture(scope="session")
def provider():
    """The upstream of provider `openai`."""
    running = FakeProvider()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server_factory(django_db_setup, django_db_blocker, tmp_path_factory, provider):
    """Start servers: `server_factory(ORQSTUDIO_HOLD_WAIT_S="0")`."""
    started = []

    def start(*, workers=1, **variables) -> AppServer:
        with django_db_blocker.unblock():
            database = conninfo(connection.settings_dict)
        knobs = {
            "OPENAI_BASE_URL": provider.url,
            "OPENAI_API_KEY": PROVIDER_SECRET,
            "ORQSTUDIO_UPSTREAM_TIMEOUT_S": "1",
            "ORQSTUDIO_BODY_MAX_BYTES": "100000",
            **variables,
        }
        data_dir = tmp_path_factory.mktemp("server")
        server = AppServer(database, data_dir, knobs, workers)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def server(server_factory):
    """The server of most tests of this directory."""
    return server_factory(ORQSTUDIO_HOLD_WAIT_S="0")


@pytest.fixture
def client(server, acme):
    """A caller with a key of the workspace."""
    return GatewayClient(server.port, make_key(acme))


@pytest.fixture
def charlies_client(server, globex):
    """A caller with a key of the other workspace."""
    return GatewayClient(server.port, make_key(globex))


@pytest.fixture
def anonymous(server):
    """A caller without a key."""
    return GatewayClient(server.port, None)


@pytest.fixture
def price(acme):
    """Set a price: `price("ok", 10, 20)` is USD a million tokens, in and out."""

    def set_price(model, read, written, *, cached=None, provider_key="openai", **facts):
        return ModelPrice.objects.create(
            workspace=acme,
            provider_key=provider_key,
            model=model,
            input_usd_per_mtok=read,
            output_usd_per_mtok=written,
            cached_input_usd_per_mtok=cached,
            **facts,
        )

    return set_price


@pytest.fixture
def unreachable(acme):
    """A provider `gone` that nobody answers for."""
    return Provider.objects.create(
        workspace=acme, key="gone", kind="openai", base_url="http://127.0.0.1:9/v1"
    )
