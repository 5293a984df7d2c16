"""Rights as values: modes, levels, bindings, and which cover which."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identities.rights import LEVELS, Level, Resource, covers, read_rights

accesses = st.dictionaries(st.sampled_from(Resource), st.sampled_from([*LEVELS]))
rights = st.builds(read_rights, st.just("restricted"), accesses, is_bound=st.booleans())


@pytest.mark.parametrize(
    ("mode", "level"),
    [("all", Level.WRITE), ("read_only", Level.READ), ("anything", Level.NONE)],
)
def test_a_mode_gives_one_level_to_everything(mode, level):
    found = read_rights(mode, {"budgets": "write"}, is_bound=False)

    assert found == dict.fromkeys(Resource, level)


def test_a_restricted_key_has_what_is_named_and_no_more():
    access = {"budgets": "read", "calls": "write", "agents": "write", "reporting": "x"}

    found = read_rights("restricted", access, is_bound=False)

    assert {name: level for name, level in found.items() if level} == {
        Resource.BUDGETS: Level.READ,
        Resource.CALLS: Level.WRITE,
    }


@pytest.mark.parametrize("mode", ["all", "read_only", "restricted"])
def test_binding_takes_everything_but_calls(mode):
    access = dict.fromkeys(Resource, "write")
    free = read_rights(mode, access, is_bound=False)

    bound = read_rights(mode, access, is_bound=True)

    assert bound[Resource.CALLS] == free[Resource.CALLS]
    assert {bound[each] for each in Resource if each != "calls"} == {Level.NONE}


@given(rights, rights, rights)
def test_to_cover_is_an_order(first, second, third):
    assert covers(first, first)
    if covers(first, second) and covers(second, third):
        assert covers(first, third)
    if covers(first, second) and covers(second, first):
        assert first == second


@given(rights)
def test_one_level_more_anywhere_is_not_covered(own):
    for resource, level in itertools.product(Resource, Level):
        other = {**own, resource: level}
        assert covers(own, other) is (level <= own[resource])
