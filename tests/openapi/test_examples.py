"""The document's examples are what the server really answers."""

from __future__ import annotations

import json

import pytest

from orqstudio.openapi.examples import PATH
from tests.documented import check_exchange
from tests.openapi.scenario import gather, tell

pytestmark = pytest.mark.slow


def test_the_examples_are_what_happens_and_all_that_happens_is_described(server):
    """Metered calls, and their refusals, are in the story too."""
    told = list(tell(server))

    for step, path, sent, answer in told:
        check_exchange(
            step.method,
            path,
            sent,
            status=answer.status_code,
            headers=answer.headers,
            content=answer.content,
        )
    assert gather(told) == json.loads(PATH.read_text(encoding="utf-8"))
