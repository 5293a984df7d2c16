"""The ledger as an actor: requests queue up, batches commit, answers go out.

One task owns one connection. While a batch is in the database the next one forms by
itself: no timer under load, no delay when idle. Several processes and nodes are
correct because PostgreSQL's row locks order their batches.

When PostgreSQL is away an admission is answered with `LedgerUnavailableError` (never
a free pass) and a settlement goes to the spool.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import AsyncConnection

from metering.ledger.batch import (
    BatchResult,
    ConnectionLostError,
    create_windows,
    run_batch,
)
from metering.ledger.queues import Ticket, WaitQueues
from metering.ledger.requests import (
    NO_FACTS,
    Admission,
    Admit,
    Answer,
    Release,
    Request,
    Settle,
    Settlement,
)
from metering.ledger.session import connect
from metering.ledger.state import WindowsMissingError
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from metering.admission import Estimate
    from metering.calls import Call, Outcome
    from metering.ledger.spool import Spool
    from metering.matching import Facts

logger = logging.getLogger(__name__)

BATCH_MAX = 256
TRIES = 5
WINDOW_TRIES = 100
POLL_S = 0.5
"""How often queues try again unasked, and how soon a lost connection is retried."""

_RETRIED = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.UniqueViolation,  # settled elsewhere meanwhile: now it is found
)
_UNABLE = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
"""A live server that cannot write now: disk full, timeout, standby."""


class LedgerUnavailableError(Exception):
    """PostgreSQL cannot be asked; the call must not run."""


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Knobs of one ledger.

    Attributes:
        conninfo: libpq connection string.
        lease_s: seconds a hold lives without renewal.
        wait_s: seconds a call may wait for money that running calls hold.
    """

    conninfo: str
    lease_s: float
    wait_s: float


class Ledger:
    """Admit and settle calls; see the module's docstring."""

    def __init__(self, settings: LedgerSettings, spool: Spool) -> None:
        """Prepare; `start` connects."""
        self.settings = settings
        self.spool = spool
        self.owner = (
            f"{socket.gethostname()[:40]}:{os.getpid()}:{ids.new_id().hex[:12]}"
        )
        self.running: dict[UUID, Call] = {}
        self._incoming: deque[Ticket] = deque()
        self._queues = WaitQueues()
        self._work = asyncio.Event()
        self._connection: AsyncConnection[Any] | None = None
        self._down_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    def start(self) -> None:
        """Begin to answer; the connection is made with the first batch."""
        self._task = asyncio.create_task(self._run(), name="ledger")

    async def stop(self) -> None:
        """Answer what is queued, then close. New requests are refused."""
        self._is_stopping = True
        self._work.set()
        if self._task is not None:
            await self._task
        await self._disconnect()
        self.spool.close()

    async def admit(
        self, call: Call, estimate: Estimate, now: datetime, facts: Facts = NO_FACTS
    ) -> Admission:
        """Return once the hold is committed, or with the refusal.

        Raises:
            LedgerUnavailableError: PostgreSQL is away, or this process is stopping.
        """
        if self._is_stopping:
            raise LedgerUnavailableError
        ticket = self._put(Admit(call, estimate, now, facts))
        try:
            answer = await ticket.answer
        except asyncio.CancelledError:
            # The answer can be there already, and nobody else would give it back.
            if call.id in self.running:
                self._put_release(call)
            raise
        assert isinstance(answer, Admission)  # noqa: S101 - narrows the union
        return answer

    async def settle(self, call: Call, outcome: Outcome) -> Settlement:
        """Return once the event is committed, or safe in the spool.

        Raises:
            LedgerUnavailableError: neither PostgreSQL nor the disk took it; the
                ledger keeps trying in memory.
        """
        answer = await asyncio.shield(self._put(Settle(call, outcome)).answer)
        assert isinstance(answer, Settlement)  # noqa: S101 - narrows the union
        return answer

    def wake(self, budget_ids: Iterable[UUID]) -> None:
        """Another process has freed money of these budgets."""
        self._queues.wake(budget_ids)
        self._work.set()

    def _put(self, request: Request) -> Ticket:
        """Queue a request up and wake the task."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.settings.wait_s
        ticket = Ticket(request, loop.create_future(), deadline)
        self._incoming.append(ticket)
        self._work.set()
        return ticket

    async def _run(self) -> None:
        while True:
            tickets = self._take()
            if tickets:
                await self._serve(tickets)
            elif self._is_stopping:
                return
            else:
                await self._rest()

    async def _rest(self) -> None:
        """Sleep until there is work; with queues, no longer than one poll."""
        self._work.clear()
        if self._incoming or self._queues.has_woken or self._is_stopping:
            return
        if not self._queues:
            await self._work.wait()
            return
        try:
            await asyncio.wait_for(self._work.wait(), POLL_S)
        except TimeoutError:
            self._queues.wake_all()

    def _take(self) -> list[Ticket]:
        """Return the next batch: overdue and woken waiters first, then newcomers."""
        now = asyncio.get_running_loop().time()
        tickets: list[Ticket] = []
        if self._queues:
            horizon = float("inf") if self._is_stopping else now
            tickets = self._queues.take_due(horizon) + self._queues.take_woken()
        while self._incoming and len(tickets) < BATCH_MAX:
            tickets.append(self._incoming.popleft())
        return [ticket for ticket in tickets if not self._is_abandoned(ticket)]

    def _is_abandoned(self, ticket: Ticket) -> bool:
        """Tell whether a caller left before its admission was decided."""
        return isinstance(ticket.request, Admit) and ticket.answer.done()

    async def _serve(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            ticket.request = self._mark(ticket)
        try:
            result = await self._commit([ticket.request for ticket in tickets])
        except ConnectionLostError as error:
            await self._fail(tickets, may_have_committed=error.may_have_committed)
        except Exception as error:
            await self._divide(tickets, error)
        else:
            self._answer(tickets, result)

    def _mark(self, ticket: Ticket) -> Request:
        """Tell an admission whether it stood in the queue and may wait on."""
        if not isinstance(ticket.request, Admit):
            return ticket.request
        is_due = ticket.deadline <= asyncio.get_running_loop().time()
        return replace(
            ticket.request,
            is_queued=ticket.is_queued,
            is_last_try=is_due or self._is_stopping,
        )

    async def _commit(self, requests: Sequence[Request]) -> BatchResult:
        """Run one batch; try again where nothing was written.

        Raises:
            ConnectionLostError: PostgreSQL is away.
        """
        for _ in range(TRIES):
            connection = await self._connect()
            try:
                return await self._run_batch(connection, requests)
            except _RETRIED as error:
                logger.warning("ledger: batch runs again after %s", error)
            except _UNABLE as error:
                logger.warning("ledger: PostgreSQL cannot write: %s", error)
                await self._disconnect()
                raise ConnectionLostError(may_have_committed=False) from error
            except ConnectionLostError as error:
                await self._disconnect()
                if error.may_have_committed:
                    raise
        raise ConnectionLostError(may_have_committed=False)

    async def _run_batch(
        self, connection: AsyncConnection[Any], requests: Sequence[Request]
    ) -> BatchResult:
        """Run one batch, and create the windows that it lacks.

        Whoever changes budgets can drop those again before the batch sees them.
        """
        for _ in range(WINDOW_TRIES):
            try:
                return await run_batch(
                    connection,
                    requests,
                    owner=self.owner,
                    lease_s=self.settings.lease_s,
                    queued_budgets=self._queues.budgets,
                )
            except WindowsMissingError:
                await self._create_windows(connection, requests)
        raise ConnectionLostError(may_have_committed=False)

    async def _create_windows(
        self, connection: AsyncConnection[Any], requests: Sequence[Request]
    ) -> None:
        try:
            await create_windows(connection, requests)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            await self._disconnect()

    async def _connect(self) -> AsyncConnection[Any]:
        """Return the open connection, or make one.

        Raises:
            ConnectionLostError: PostgreSQL refuses, or did so a moment ago.
        """
        if self._connection is not None and not self._connection.closed:
            return self._connection
        loop = asyncio.get_running_loop()
        if loop.time() < self._down_until:
            raise ConnectionLostError(may_have_committed=False)
        try:
            self._connection = await connect(self.settings.conninfo)
        except psycopg.OperationalError as error:
            logger.warning("ledger: PostgreSQL is away: %s", error)
            self._down_until = loop.time() + POLL_S
            raise ConnectionLostError(may_have_committed=False) from error
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        self._connection = None

    async def _divide(self, tickets: list[Ticket], error: Exception) -> None:
        """Find the request that PostgreSQL refuses; the others must not suffer."""
        if len(tickets) > 1:
            for ticket in tickets:
                await self._serve([ticket])
            return
        logger.error("ledger: request refused", exc_info=error)
        # Its lease is renewed no more: the hold ends as a `lost` call, not never.
        self.running.pop(tickets[0].request.call.id, None)
        _set_error(tickets[0], error)

    def _answer(self, tickets: list[Ticket], result: BatchResult) -> None:
        waiting: list[tuple[Ticket, UUID]] = []
        tried: set[UUID] = set()
        for ticket, answer in zip(tickets, result.answers, strict=True):
            if isinstance(answer, Admission) and answer.waits_for is not None:
                waiting.append((ticket, answer.waits_for))
            else:
                self._tell(ticket, answer)
                tried |= _budgets_of(answer)
        for ticket, budget_id in reversed([w for w in waiting if w[0].is_queued]):
            self._queues.put(ticket, budget_id)
        for ticket, budget_id in (w for w in waiting if not w[0].is_queued):
            self._queues.put(ticket, budget_id)
        # A queue whose head was answered without anybody left waiting goes on.
        stuck = {budget_id for _, budget_id in waiting}
        self._queues.wake(result.freed_budgets | (tried - stuck))

    def _tell(self, ticket: Ticket, answer: Answer) -> None:
        """Hand out an answer; a caller that has left gives its hold back."""
        if not isinstance(answer, Admission) or answer.refusal is not None:
            self.running.pop(ticket.request.call.id, None)
        elif ticket.answer.done():
            self._put_release(answer.call)
            return
        else:
            self.running[answer.call.id] = answer.call
        if not ticket.answer.done():
            ticket.answer.set_result(answer)

    def _put_release(self, call: Call) -> None:
        self.running.pop(call.id, None)
        self._put(Release(call))

    async def _fail(self, tickets: list[Ticket], *, may_have_committed: bool) -> None:
        """PostgreSQL is away: refuse admissions, keep settlements safe."""
        settles = [t for t in tickets if isinstance(t.request, Settle)]
        for ticket in tickets:
            if isinstance(ticket.request, Admit):
                if may_have_committed:
                    self._put_release(ticket.request.call)
                _set_error(ticket, LedgerUnavailableError())
            elif isinstance(ticket.request, Release) and not self._is_stopping:
                self._incoming.append(ticket)
        if settles:
            self._spool(settles)
        await asyncio.sleep(POLL_S / 10)

    def _spool(self, tickets: list[Ticket]) -> None:
        try:
            self.spool.append(
                [t.request for t in tickets if isinstance(t.request, Settle)]
            )
        except OSError:
            logger.exception("ledger: the spool cannot be written; kept in memory")
            self._keep_in_memory(tickets)
            return
        for ticket in tickets:
            self._tell(ticket, Settlement(is_new=True))

    def _keep_in_memory(self, tickets: list[Ticket]) -> None:
        loop = asyncio.get_running_loop()
        for ticket in tickets:
            _set_error(ticket, LedgerUnavailableError())
            if self._is_stopping:
                logger.error("ledger: lost the outcome of %s", ticket.request)
            else:
                self._incoming.append(Ticket(ticket.request, loop.create_future()))


def _budgets_of(answer: Answer) -> set[UUID]:
    return {account.budget_id for account in answer.accounts}


def _set_error(ticket: Ticket, error: Exception) -> None:
    if not ticket.answer.done():
        ticket.answer.set_exception(error)
