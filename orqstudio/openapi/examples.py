"""Examples of the document: requests that were made and what was answered.

tests/openapi/test_examples.py makes the requests again on a running server and
compares; it also writes the file anew.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("examples.json")


def find_example(name: str, part: str) -> Any:
    """Return the example of an operation: its `request`, or what a status answers.

    None when there is none.
    """
    return _read().get(name, {}).get(part)


@cache
def _read() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))
    return found
