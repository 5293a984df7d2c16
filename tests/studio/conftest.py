"""People with the Studio open."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.make import make_user
from tests.studio.page import Page


class Visitor:
    """A signed-in person: `visit()` opens pages, `htmx=True` asks for a fragment."""

    def __init__(self, user) -> None:
        self.client = Client(raise_request_exception=True)
        if user:
            self.client.force_login(user)

    def visit(self, path, *, status=200, htmx=False, **headers):
        return self._read(self.client.get(path, **_headers(htmx, headers)), status)

    def send(self, path, data=None, *, status=200, htmx=False, **headers):
        answer = self.client.post(path, data or {}, **_headers(htmx, headers))
        return self._read(answer, status)

    @staticmethod
    def _read(answer, status):
        assert answer.status_code == status, answer.content[:2000]
        return Page(answer) if answer.content else answer


def _headers(htmx, headers):
    asked = {"HX-Request": "true", **headers} if htmx else headers
    return {"headers": {k.replace("_", "-"): v for k, v in asked.items()}}


@pytest.fixture
def owner(alice):
    """Alice, with every right."""
    return Visitor(alice)


@pytest.fixture
def developer(workspace):
    """May change identities, not budgets or keys."""
    return Visitor(make_user("dora", workspace, role="developer"))


@pytest.fixture
def viewer(bob):
    """Bob, who only reads."""
    return Visitor(bob)


@pytest.fixture
def stranger(charlie):
    """Charlie, of the other workspace."""
    return Visitor(charlie)
