"""How long files and functions may get, and that nothing unfinished is left."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.serving import ROOT

FILE_MOST = 400
FUNCTION_MOST = 60
FUNCTION_P95 = 35
FUNCTION_MEDIAN = 9
SOURCES = sorted(
    path
    for package in ("orqstudio", "identities", "metering")
    for path in (ROOT / package).rglob("*.py")
    if path.parent.name != "migrations"
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_short_and_says_what_it_is(path: Path):
    text = path.read_text()
    lines = text.count("\n")

    assert lines <= FILE_MOST
    assert ast.get_docstring(ast.parse(text))
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)


def test_functions_are_small():
    lengths = {
        f"{path.relative_to(ROOT)}:{function.name}": _length(function)
        for path in SOURCES
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name for name, lines in lengths.items() if lines > FUNCTION_MOST} == set()
    assert quantiles(lengths.values(), n=20)[-1] <= FUNCTION_P95
    assert median(lengths.values()) <= FUNCTION_MEDIAN


def test_only_one_module_reads_the_environment():
    readers = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if re.search(r"os\.(environ\b(?!\.setdefault)|getenv)", path.read_text())
    }

    # bootstrap writes the allowed hosts for its workers, providers name their secrets
    assert readers <= {"orqstudio/lib/env.py", "orqstudio/bootstrap.py", *SECRETS}


SECRETS = ("metering/gateway/catalog.py", "metering/gateway/upstream.py")


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    docstring = ast.get_docstring(function, clean=False)
    lines = (function.end_lineno or 0) - function.lineno + 1
    return lines - (docstring.count("\n") + 1 if docstring else 0)
