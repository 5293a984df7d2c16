"""Errors that no view answers: the envelope below /v2 and /v3, pages for people."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test import Client

from tests.api.operations import OPERATIONS, named, send
from tests.api.test_error_shape import assert_envelope
from tests.api_client import ApiClient

API_PATHS = ["/v2/nothing", "/v2", "/v3", "/v3/nothing", "/v2/a%00"]
PAGE_PATHS = ["/nothing", "/studio/nothing", "/v20", "/v4/identities", "/%00"]


class Unchecked(ApiClient):
    """The OpenAPI document does not promise our own faults."""

    def _check(self, method, path, sent, answer):
        return answer


def refuse_all(*_):
    """Break every query in a way that nothing expects."""
    raise ZeroDivisionError


def assert_page(answer, status: int, heading: str) -> None:
    """Status, one of our own pages, and the id that finds the log."""
    page = answer.content.decode()
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/html")
    assert f"<h1>{heading}</h1>" in page
    assert answer["X-Request-Id"] in page
    assert "Traceback" not in page


@pytest.fixture
def browser():
    """A browser without a session; faults become answers, as in production."""
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("path", API_PATHS)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_an_unknown_address_of_the_api(api, db, method, path):
    assert_envelope(api.http.generic(method.upper(), path), 404, 5)


@pytest.mark.parametrize("path", PAGE_PATHS)
def test_an_unknown_address_elsewhere_is_a_page(browser, db, path):
    assert_page(browser.get(path), 404, "Nothing here")


def test_a_foreign_host_gets_json_of_the_api_and_else_a_page(browser, db):
    headers = {"Host": "evil.example"}

    assert_envelope(browser.get("/v3/nothing", headers=headers), 400, 3)
    answer = browser.get("/studio/identities/", headers=headers)
    assert_page(answer, 400, "This request cannot be read")


def test_a_form_without_its_token_is_a_page_that_says_what_to_do(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)

    answer = browser.post("/studio/identities/new/", {"external_id": "jane"})

    assert_page(answer, 403, "This form is out of date")


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_a_fault_of_ours_is_a_500_without_an_integer_code(api, operation):
    with connection.execute_wrapper(refuse_all):
        answer = send(Unchecked(api.token), operation)

    body = assert_envelope(answer, 500, None)
    assert "ZeroDivision" not in body["message"]


def test_a_fault_of_ours_is_a_page_for_people(browser, alice):
    browser.force_login(alice)

    with connection.execute_wrapper(refuse_all):
        answer = browser.get("/studio/identities/")

    assert_page(answer, 500, "Something went wrong on our side")


def test_a_database_that_is_away_is_a_503_for_people_too(browser, alice):
    def refuse(*_):
        raise OperationalError

    browser.force_login(alice)

    with connection.execute_wrapper(refuse):
        answer = browser.get("/studio/identities/")

    assert answer.status_code == 503
