"""Health answers, and errors that no view answers, over Django's test client."""

from __future__ import annotations

import pytest
from django.db import connection

from orqstudio.lib import ids


def test_healthz_answers_without_login_or_database(client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_answers_when_the_database_is_migrated(client, db):
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_says_which_migrations_are_missing(client, db):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'identities'")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["message"].startswith("The database lacks ")


def test_every_answer_carries_a_fresh_request_id(client):
    shown = [client.get("/healthz")["X-Request-Id"] for _ in range(2)]

    assert shown[0] != shown[1]
    assert all(ids.parse(text) for text in shown)


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/identities/", "/v3/router/x"])
def test_an_unknown_address_of_the_api_answers_the_envelope(client, db, path):
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == 5
    assert answer.json()["message"] == answer.json()["error"]
    assert answer["Content-Security-Policy"].startswith("default-src 'none';")


def test_an_unknown_page_answers_html(client, db):
    answer = client.get("/nothing")

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_foreign_host_is_refused_in_the_envelope(client):
    answer = client.get("/v2/identities", headers={"host": "evil.example"})

    assert answer.status_code == 400
    assert answer.json()["code"] == 3


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
def test_pages_allow_nothing_inline_and_no_foreign_source(client, db, path):
    answer = client.get(path)

    assert answer.status_code == 200
    assert "script-src 'self';" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in answer["Permissions-Policy"]


@pytest.mark.parametrize(
    "path", ["/", "/studio", "/studio/", "/studio/identities/", "/admin", "/admin/"]
)
def test_pages_ask_for_a_login(client, db, path):
    answer = client.get(path)

    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_may_name_the_process_by_any_address(client, db, path):
    assert client.get(path, headers={"host": "10.1.2.3:8000"}).status_code == 200
