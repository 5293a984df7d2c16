"""Who waits for which budget in this process: first come, first served. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from metering.ledger.requests import Answer, Request

WOKEN_AT_ONCE = 16
"""Calls of a queue that one batch tries: more than hold at once is work in vain."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A request and who waits for its answer.

    Attributes:
        deadline: loop time after which an admission is answered, come what may.
        waits_for: the budget in whose queue it stands.
        is_queued: it stood in a queue before, so it goes first.
    """

    request: Request
    answer: asyncio.Future[Answer]
    deadline: float = 0.0
    waits_for: UUID | None = None
    is_queued: bool = False


class WaitQueues:
    """One queue a budget; the numbers that wake them come from outside."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._queues: dict[UUID, deque[Ticket]] = {}
        self._woken: set[UUID] = set()

    def __bool__(self) -> bool:
        """Tell whether anybody waits."""
        return bool(self._queues)

    @property
    def budgets(self) -> frozenset[UUID]:
        """The budgets somebody waits for."""
        return frozenset(self._queues)

    @property
    def has_woken(self) -> bool:
        """Tell whether a queue is due for another try."""
        return bool(self._woken)

    def put(self, ticket: Ticket, budget_id: UUID) -> None:
        """Queue a ticket up; one that was at the head already goes back there.

        Callers put several tickets of one batch back in reverse order.
        """
        ticket.waits_for = budget_id
        queue = self._queues.setdefault(budget_id, deque())
        if ticket.is_queued:
            queue.appendleft(ticket)
        else:
            ticket.is_queued = True
            queue.append(ticket)

    def wake(self, budget_ids: Iterable[UUID]) -> None:
        """Let the heads of these queues try again."""
        self._woken.update(self._queues.keys() & set(budget_ids))

    def wake_all(self) -> None:
        """Let the heads of all queues try again."""
        self._woken.update(self._queues)

    def take_woken(self) -> list[Ticket]:
        """Remove and return the heads of the woken queues, in order of arrival."""
        taken: list[Ticket] = []
        for budget_id in self._woken:
            queue = self._queues.get(budget_id, deque())
            count = 0
            while queue and count < WOKEN_AT_ONCE:
                ticket = queue.popleft()
                if ticket.waits_for == budget_id and not ticket.answer.done():
                    ticket.waits_for = None
                    taken.append(ticket)
                    count += 1
            if not queue:
                self._queues.pop(budget_id, None)
        self._woken.clear()
        return sorted(taken, key=lambda ticket: ticket.deadline)

    def take_due(self, now: float) -> list[Ticket]:
        """Remove and return the tickets whose deadline has passed."""
        due = []
        for budget_id, queue in list(self._queues.items()):
            due += [t for t in queue if t.deadline <= now and not t.answer.done()]
            kept = deque(t for t in queue if t.deadline > now and not t.answer.done())
            if kept:
                self._queues[budget_id] = kept
            else:
                del self._queues[budget_id]
        return due
