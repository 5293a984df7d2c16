"""Keyset pages over any total order: `starting_after`, `ending_before`, `has_more`.

A page costs the same wherever it lies, and rows that appear or vanish between two
requests move no other row from one page to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from orqstudio.web.api import InvalidInput
from orqstudio.web.query import read_limit, read_text

if TYPE_CHECKING:
    from django.http import QueryDict

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of rows: one column (or annotation), ties broken by id.

    Both run in the same direction. The column is never null.
    """

    column: str
    is_descending: bool = True

    def terms(self, *, is_backward: bool) -> list[str]:
        """Return what to pass to `order_by`."""
        sign = "-" if self.is_descending is not is_backward else ""
        return [f"{sign}{self.column}", f"{sign}id"]

    def beyond(self, row: Model, *, is_backward: bool) -> Q:
        """Return the condition for the rows after `row`, or before it.

        The bound on the column alone is implied, and lets an index begin there.
        """
        way = "lt" if self.is_descending is not is_backward else "gt"
        value = getattr(row, self.column)
        past = Q(**{f"{self.column}__{way}": value})
        tied = Q(**{self.column: value, f"id__{way}": row.pk})
        return Q(**{f"{self.column}__{way}e": value}) & (past | tied)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page a client asked for; at most one cursor is not empty."""

    limit: int
    starting_after: str = ""
    ending_before: str = ""

    @property
    def cursor(self) -> str:
        """The reference of the row the page begins or ends at."""
        return self.starting_after or self.ending_before

    @property
    def is_backward(self) -> bool:
        """Whether the page lies before its cursor."""
        return bool(self.ending_before)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in display order; `has_more` looks in the direction that was asked for."""

    rows: list[Row]
    has_more: bool


def read_page(query: QueryDict, *, default: int, most: int) -> PageRequest:
    """Return the page a query string asks for.

    Raises:
        InvalidInput: limit out of 1..`most`, or both cursors at once.
    """
    page = PageRequest(
        read_limit(query, default=default, most=most),
        read_text(query, "starting_after"),
        read_text(query, "ending_before"),
    )
    if page.starting_after and page.ending_before:
        raise InvalidInput(_("Send starting_after or ending_before, not both."))
    return page


def fetch_page(
    rows: QuerySet[Row],
    page: PageRequest,
    order: Order,
    find_cursor: Callable[[str], Row | None],
) -> Page[Row]:
    """Return one page of `rows`. One query, one more for a cursor.

    Args:
        rows: filtered; the order is set here.
        page: what was asked for.
        order: annotations it needs are on `rows` and on what `find_cursor` returns.
        find_cursor: the cursor's row; it need not pass the filters.

    Raises:
        InvalidInput: the cursor names no row.
    """
    if page.cursor:
        row = find_cursor(page.cursor)
        if row is None:
            raise InvalidInput(_("The cursor names no row of this list."))
        rows = rows.filter(order.beyond(row, is_backward=page.is_backward))
    ordered = rows.order_by(*order.terms(is_backward=page.is_backward))
    found = list(ordered[: page.limit + 1])
    shown = found[: page.limit]
    if page.is_backward:
        shown.reverse()
    return Page(shown, has_more=len(found) > page.limit)
