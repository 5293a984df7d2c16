"""One real server for all official clients, and a proxy that counts what they send."""

from __future__ import annotations

import itertools

import openai
import pytest
from orq_ai_sdk import Orq

from tests.clients.counting_proxy import CountingProxy
from tests.serving import Installation

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def clients_installation(tmp_path_factory):
    """The data directory behind `server`; nobody answers as provider `openai`."""
    made = Installation(
        tmp_path_factory.mktemp("clients") / "var",
        {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-none"},
    )
    yield made
    made.remove()


@pytest.fixture(scope="session")
def server(clients_installation):
    """`manage.py serve` on an empty data directory."""
    with clients_installation.serve() as running:
        yield running


@pytest.fixture(scope="session")
def key(server):
    """The API key that the first start printed."""
    return server.shown("API key")


@pytest.fixture
def new_workspace_key(clients_installation, server):
    """The key of a workspace that nothing else uses."""
    slug = f"workspace-{next(_NUMBERS)}"
    run = clients_installation.run
    assert run("create_workspace", slug).returncode == 0
    made = run("create_api_key", "--workspace", slug)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture
def proxy(server):
    """The same server behind a proxy that writes down every request."""
    with CountingProxy(server.port) as running:
        yield running


@pytest.fixture
def user():
    """An external_id that no other test uses."""
    return f"user_{next(_NUMBERS)}"


@pytest.fixture
def orq(proxy, key):
    """The official Python client with its default settings."""
    with Orq(api_key=key, server_url=proxy.url) as client:
        yield client


@pytest.fixture
def openai_client(proxy, key):
    """The OpenAI client on the router, with its default settings."""
    with openai.OpenAI(api_key=key, base_url=f"{proxy.url}/v3/router") as client:
        yield client
