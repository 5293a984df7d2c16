"""The document names every address and method there is, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

from metering.gateway.app import OPERATIONS as METERED
from orqstudio.openapi.document import make_document
from tests.api.operations import OPERATIONS
from tests.documented import METHODS, find_operation, operations

WITHOUT_A_VERSION = {"/healthz", "/readyz"}
IMPLIED = {"HEAD"}
"""Wherever there is GET."""


def _patterns(
    resolver: URLResolver, prefix: str = "/"
) -> Iterator[tuple[str, URLPattern]]:
    for each in resolver.url_patterns:
        path = f"{prefix}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from _patterns(each, path)
        else:
            yield path, each


def _methods(pattern: URLPattern) -> set[str]:
    view = getattr(pattern.callback, "view_class", None)
    if view is None:  # a function that lets only safe methods pass
        return {"GET"}
    return {
        name.upper() for name in view.http_method_names if hasattr(view, name)
    } - IMPLIED


def _routes() -> set[tuple[str, str]]:
    django = {
        (method, re.sub(r"<[^>]+>", "{}", path))
        for path, pattern in _patterns(get_resolver())
        if path.startswith(("/v2/", "/v3/")) or path in WITHOUT_A_VERSION
        for method in _methods(pattern)
    }
    return django | {("POST", path) for path in METERED}


def test_every_route_is_in_the_document_and_the_other_way_round():
    described = {
        (each.method.upper(), re.sub(r"\{\w+\}", "{}", each.path))
        for each in operations()
    }

    assert described == _routes()


def test_the_comparison_sees_routes_of_both_rooms():
    assert {
        ("PATCH", "/v2/identities/{}"),
        ("POST", "/v3/router/chat/completions"),
        ("GET", "/readyz"),
    } <= _routes()


def test_every_operation_of_the_api_tests_has_its_name_in_the_document():
    for operation in OPERATIONS:
        path = re.sub(r"\{\w+\}", "x", operation.path)
        found = find_operation(operation.method, path)
        assert found
        assert found.id == operation.name


def test_names_of_operations_are_unique():
    names = [each.id for each in operations()]

    assert len(names) == len(set(names))


def test_parameters_in_the_path_are_described():
    for each in operations():
        named = {
            parameter["name"]
            for parameter in each.facts.get("parameters", ())
            if parameter["in"] == "path"
        }
        assert named == set(re.findall(r"\{(\w+)\}", each.path)), each.id


def test_no_component_is_there_for_nothing():
    document = make_document()
    used = set(re.findall(r"#/components/(\w+)/(\w+)", repr(document)))

    for kind in ("schemas", "responses"):
        assert {name for part, name in used if part == kind} == set(
            document["components"][kind]
        )


def test_only_methods_and_nothing_else_stands_below_a_path():
    for path, item in make_document()["paths"].items():
        assert set(item) <= METHODS, path
