"""Programs that only some machines have: skipped with a reason, or demanded.

`ORQSTUDIO_REQUIRE=browser,contract` (set by `make test` where CI=true) turns the skip
into a failure, so that a run that shows nothing cannot look like one that passed.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def find_program(*names: str, needed_for: str, install: str) -> str:
    """Return the path of the first program found, else skip or fail the test.

    Args:
        names: in the order of preference.
        needed_for: the marker of the tests that need it, such as `browser`.
        install: how to get it, for the reason.
    """
    found = next(filter(None, map(shutil.which, names)), None)
    return found or give_up(
        f"{names[0]} is not installed: {install}", needed_for=needed_for
    )


def give_up(reason: str, *, needed_for: str) -> NoReturn:
    """Skip the test, or fail it where its marker is demanded."""
    if needed_for in os.environ.get("ORQSTUDIO_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
