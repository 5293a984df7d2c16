"""Schemathesis with all its checks finds nothing; `make fuzz` looks for longer.

No 5xx, no answer outside the document, no bad input taken, no good one refused, no
method that is not there.
"""

from __future__ import annotations

import re

import pytest

from tests.documented import operations
from tests.openapi.fuzz import fuzz

pytestmark = pytest.mark.slow
MAX_TIME_S = 80
CASES_LEAST = 500
"""Far fewer than there are; a run that calls nothing finds nothing either."""


def test_whatever_is_sent_the_answer_is_one_the_document_describes(
    installation, server
):
    arguments = ("--max-examples", "15", "--seed", "1")
    run = fuzz(installation, server, *arguments, max_time_s=MAX_TIME_S)

    assert run.code == 0, run.output
    generated = re.search(r"(\d+) generated", run.output)
    assert generated, run.output
    assert int(generated[1]) >= CASES_LEAST
    tested = re.search(r"Tested: +(\d+)", run.output)
    assert tested, run.output
    assert int(tested[1]) == len(operations()) - 1  # all but the document's own
